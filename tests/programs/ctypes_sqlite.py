# SPDX-License-Identifier: MIT
"""ctypes: rows that SQLite hands to a callback, in an order that another callback decides."""

import ctypes
import ctypes.util

sqlite = ctypes.CDLL("libsqlite3.so.0")
TEXT = ctypes.POINTER(ctypes.c_char_p)
ROW = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, TEXT, TEXT)
COMPARE = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_char),
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_char),
)
rows = []


@ROW
def row(_data, count, values, _names):
    rows.append([values[i].decode() for i in range(count)])
    return 0


@COMPARE
def backwards(_data, size_a, a, size_b, b):
    first, second = a[:size_a], b[:size_b]
    return (first < second) - (first > second)


database = ctypes.c_void_p()
assert sqlite.sqlite3_open(b":memory:", ctypes.byref(database)) == 0
assert sqlite.sqlite3_create_collation(database, b"backwards", 1, None, backwards) == 0
sql = b"""
create table words (word text);
insert into words values ('table'), ('slot'), ('record'), ('entry');
select word, length(word) from words order by word collate backwards;
"""
assert sqlite.sqlite3_exec(database, sql, row, None, None) == 0
print(rows)
