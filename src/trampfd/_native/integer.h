/* SPDX-License-Identifier: MIT */
/* Reading ints without calling the interpreter, as long as they are of one digit. */
#ifndef NATIVE_INTEGER_H
#define NATIVE_INTEGER_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>
#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif

static inline int integer_is_compact(const PyLongObject *value)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyUnstable_Long_IsCompact(value);
#else
    return Py_SIZE(value) >= -1 && Py_SIZE(value) <= 1;
#endif
}

static inline long integer_compact(const PyLongObject *value)
{
#if PY_VERSION_HEX >= 0x030C0000
    return PyUnstable_Long_CompactValue(value);
#else
    return Py_SIZE(value) ? Py_SIZE(value) * (long)value->ob_digit[0] : 0; /* 0 has no digit */
#endif
}

/* The value of an int, not of a subclass, that fits a long; 0 for all others. */
static inline int integer_read(PyObject *value, long *number)
{
    int overflow;

    if (__builtin_expect(!PyLong_CheckExact(value), 0))
        return 0;
    if (__builtin_expect(integer_is_compact((PyLongObject *)value), 1)) {
        *number = integer_compact((PyLongObject *)value);
        return 1;
    }
    *number = PyLong_AsLongAndOverflow(value, &overflow);
    return !overflow;
}

#endif
