/* SPDX-License-Identifier: MIT */
/* Reading ints without calling the interpreter, as long as they are of one digit. */
#ifndef NATIVE_INTEGER_H
#define NATIVE_INTEGER_H

#include "compat.h"

/* The value of an int, not of a subclass, that fits a long; 0 for all others. */
static inline int integer_read(PyObject *value, long *number)
{
    int overflow;

    if (__builtin_expect(!PyLong_CheckExact(value), 0))
        return 0;
    if (__builtin_expect(PyUnstable_Long_IsCompact((PyLongObject *)value), 1)) {
        *number = PyUnstable_Long_CompactValue((PyLongObject *)value);
        return 1;
    }
    *number = PyLong_AsLongAndOverflow(value, &overflow);
    return !overflow;
}

#endif
