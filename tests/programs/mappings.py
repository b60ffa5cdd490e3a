# SPDX-License-Identifier: MIT
"""Makes and calls 10,000 callbacks of ctypes and of cffi each, and writes how many mappings of the
process are writable and executable then."""

import ctypes
import sys
from pathlib import Path

import cffi

import trampfd

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from support.hardening import wx_mappings

COUNT = 10_000

trampfd.install()
prototype = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int)
callbacks = [prototype(lambda x, i=i: x + i) for i in range(COUNT)]
ffi = cffi.FFI()
callbacks += [ffi.callback("int(int)", lambda x, i=i: x - i) for i in range(COUNT)]
assert sum(callback(1) for callback in callbacks) == 2 * COUNT
assert trampfd.status().slots_used >= 2 * COUNT
print(len(wx_mappings()))
