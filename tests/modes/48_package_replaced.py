# SPDX-License-Identifier: MIT
"""
The package is replaced under a running process

by files that are not even of their kinds.  Callbacks that exist work, others are made, and so are
those of a child.

Right: works
"""

import os

import mode

one = mode.make(1)
mode.spoil_library()
mode.grow()
child = os.fork()
if not child:
    mode.grow()
    os._exit(0)
status = os.waitpid(child, 0)[1]
if status:
    mode.wrong(f"the child ended with status {status:#x}")
if one(7) != 8:
    mode.wrong("a callback returned a wrong result")
