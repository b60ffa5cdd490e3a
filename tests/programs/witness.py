# SPDX-License-Identifier: MIT
"""What finalised.py makes; not defined there, where each function is in a cycle with all names."""

import io
import os

try:
    import cffi
except ImportError:
    ffi = None
else:
    ffi = cffi.FFI()


class Witness:
    def __init__(self, name, *held, write=os.write):
        self.name, self.held, self.write = name, held, write

    def __call__(self, *_):
        return 0

    def __del__(self):
        self.write(1, self.name.encode() + b"\n")


class File(io.FileIO):
    def __init__(self, name, write=os.write):
        super().__init__(os.devnull)
        self.label, self.write_end = name, write

    def close(self):
        if not self.closed:
            self.write_end(1, self.label.encode() + b"\n")
        io.FileIO.close(self)


def _owner(name, *held, write=os.write):
    """A cdata with a destructor."""
    return ffi.gc(ffi.new("int *"), lambda _, held=held: write(1, name.encode() + b"\n"))


owner = _owner if ffi is not None else None
