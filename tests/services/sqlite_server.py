# SPDX-License-Identifier: MIT
"""A TCP server that has sqlite sort by a collation that is a callback of ctypes."""

import ctypes
import socketserver

sqlite = ctypes.CDLL("libsqlite3.so.0")
Compare = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p
)
Row = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_int,
    ctypes.POINTER(ctypes.c_char_p),
    ctypes.POINTER(ctypes.c_char_p),
)
UTF8 = 1


@Compare
def by_number(_data, size, text, other_size, other):
    return int(ctypes.string_at(text, size)) - int(ctypes.string_at(other, other_size))


def query(statement):
    rows = []

    @Row
    def add(_data, _columns, values, _names):
        rows.append(values[0].decode())
        return 0

    database = ctypes.c_void_p()
    assert sqlite.sqlite3_open(b":memory:", ctypes.byref(database)) == 0
    assert sqlite.sqlite3_create_collation(database, b"number", UTF8, None, by_number) == 0
    assert sqlite.sqlite3_exec(database, statement, add, None, None) == 0
    assert sqlite.sqlite3_close(database) == 0
    return rows


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        rows = query(b"SELECT * FROM (VALUES ('10'), ('9'), ('8')) ORDER BY 1 COLLATE number")
        self.wfile.write(" ".join(rows).encode())


socketserver.TCPServer.allow_reuse_address = True
socketserver.TCPServer(("127.0.0.1", 8005), Handler).serve_forever()
