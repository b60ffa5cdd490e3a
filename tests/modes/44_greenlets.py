# SPDX-License-Identifier: MIT
"""
Callbacks switch greenlets

so that calls from C on several stacks end in another order than they began, and one never ends.

Right: works
"""

import ctypes

import mode

try:
    from greenlet import GreenletExit, getcurrent, greenlet
except ImportError:
    mode.absent("greenlet is not installed")

main = getcurrent()


def leave(x: int) -> int:
    """Goes back to the main greenlet from inside the callback."""
    try:
        return int(main.switch(x))
    except GreenletExit:
        return -1


callback = mode.Adder(leave)


def run(number: int) -> int:
    # By its address, as C would.
    return int(mode.Adder(ctypes.cast(callback, ctypes.c_void_p).value or 0)(number))


greenlets = [greenlet(run) for _ in range(10)]
for i, one in enumerate(greenlets):
    if one.switch(i) != i:
        mode.wrong("the callback got another argument")
for i in (7, 4, 1, 8, 5, 2, 9, 6, 3):
    if greenlets[i].switch(100 + i) != 100 + i:
        mode.wrong("the call returned another result")
del greenlets, one
mode.grow()
