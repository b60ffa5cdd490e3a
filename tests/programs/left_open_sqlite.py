# SPDX-License-Identifier: MIT
"""A database that a destructor writes to when Python ends, with a ctypes function and collation."""

import sys

if "install" in sys.argv:
    import trampfd

    trampfd.install()

import os
from ctypes import CDLL, CFUNCTYPE, POINTER, byref, c_char_p, c_int, c_void_p, string_at

sqlite = CDLL("libsqlite3.so.0")
sqlite.sqlite3_open.argtypes = [c_char_p, POINTER(c_void_p)]
sqlite.sqlite3_exec.argtypes = [c_void_p, c_char_p, c_void_p, c_void_p, c_void_p]
sqlite.sqlite3_close.argtypes = [c_void_p]
sqlite.sqlite3_value_int.argtypes = [c_void_p]
sqlite.sqlite3_result_int.argtypes = [c_void_p, c_int]
sqlite.sqlite3_result_int.restype = None

FUNCTION = CFUNCTYPE(None, c_void_p, c_int, POINTER(c_void_p))
COMPARE = CFUNCTYPE(c_int, c_void_p, c_int, c_void_p, c_int, c_void_p)
sqlite.sqlite3_create_function.argtypes = [
    c_void_p, c_char_p, c_int, c_int, c_void_p, FUNCTION, c_void_p, c_void_p,
]  # fmt: skip
sqlite.sqlite3_create_collation.argtypes = [c_void_p, c_char_p, c_int, c_void_p, COMPARE]
UTF8 = 1


@FUNCTION
def square(context, count, values):
    number = sqlite.sqlite3_value_int(values[0])
    sqlite.sqlite3_result_int(context, number * number)


@COMPARE
def backwards(data, one_size, one, other_size, other):
    left, right = string_at(one, one_size)[::-1], string_at(other, other_size)[::-1]
    return (left > right) - (left < right)


class Database:
    def __init__(self, path):
        self.handle = c_void_p()
        assert sqlite.sqlite3_open(os.fsencode(path), byref(self.handle)) == 0
        sqlite.sqlite3_create_function(self.handle, b"square", 1, UTF8, None, square, None, None)
        sqlite.sqlite3_create_collation(self.handle, b"backwards", UTF8, None, backwards)
        self.callbacks = square, backwards
        self.execute, self.close = sqlite.sqlite3_exec, sqlite.sqlite3_close
        self.write("CREATE TABLE number (n INTEGER, word TEXT COLLATE backwards, square INTEGER)")

    def write(self, statement):
        error = self.execute(self.handle, statement.encode(), None, None, None)
        assert error == 0, error

    def __del__(self):
        self.write(
            "WITH RECURSIVE count (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM count LIMIT 200)"
            " INSERT INTO number SELECT n, hex(n * 7919), square(n) FROM count"
        )
        self.write("CREATE INDEX by_word ON number (word)")
        self.close(self.handle)


database = Database(sys.argv[1])
