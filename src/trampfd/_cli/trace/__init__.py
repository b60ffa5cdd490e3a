# SPDX-License-Identifier: MIT
"""``trampfd trace``: who asks for memory that is writable and executable, and what to do.

The program is traced by ptrace(2). A seccomp filter lets the kernel stop it at the few calls that
can give it such memory, so that all others cost next to nothing; user notification by seccomp
would stop it as well, but shows neither the result of a call nor a thread whose stack may be read.

`calls` says what a system call asks for, `tracer` follows the processes, `stack` and `python_line`
say where in the program that was, `causes` what it is for and what serves it, `report` prints it.
"""
