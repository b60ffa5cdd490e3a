# SPDX-License-Identifier: MIT
"""Leaves to the end of Python what tells on standard output when it is finalised.

The garbage collector does not run before the end: when it does is a matter of how many objects
were made since Python started, and it changes the order in which it finalises those of a cycle.
"""

import gc
import sys
from ctypes import CFUNCTYPE, c_int

from witness import File, Witness, owner

gc.disable()
how = sys.argv[-1]
first = Witness("first")
second = Witness("second", first)
_private = Witness("private")
cycle = Witness("cycle")
cycle.held = [cycle, Witness("in the cycle", second)]
file = File("file")
called = CFUNCTYPE(c_int)(Witness("called by ctypes", file))
if owner is not None:
    from witness import ffi

    pointer = owner("pointer", file)
    called_too = ffi.callback("int(void)", Witness("called by cffi", file, pointer))
    cycle.held.append(ffi.callback("int(void)", Witness("called by cffi, in the cycle", cycle)))
last = Witness("last", first, file)
if how == "function":

    def function():
        """Holds all names of the program, and they hold it: a cycle."""
        return last

elif how == "exit":
    sys.exit(3)
elif how == "raise":

    def fail(local):
        raise ValueError

    fail(Witness("local"))
elif how == "hook":
    sys.excepthook = Witness("hook")
    raise KeyboardInterrupt
