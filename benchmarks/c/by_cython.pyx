# SPDX-License-Identifier: MIT
# cython: language_level=3
"""Callbacks written in Cython: C functions that take the GIL and call a Python function."""

from libc.stdint cimport uintptr_t

cdef object function


def set(target):
    """The function that the callbacks call from now on."""
    global function
    function = target


cdef int add(int a, int b) noexcept with gil:
    return function(a, b)


cdef int compare(const void *a, const void *b) noexcept with gil:
    return function((<const int *> a)[0], (<const int *> b)[0])


ADD = <uintptr_t> &add
COMPARE = <uintptr_t> &compare
