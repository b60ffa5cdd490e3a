/* SPDX-License-Identifier: MIT */
#include "convert.h"

#include <limits.h>
#include <string.h>

#define LOADER(name, type, convert)                                                      \
    static PyObject *load_##name(const struct parameter *parameter, void *data)          \
    {                                                                                    \
        (void)parameter;                                                                 \
        return convert(*(type *)data);                                                   \
    }

/* The value, in `*number`, of an int that fits a long. */
static inline int exact_long(PyObject *value, long *number)
{
    int overflow;

    if (!PyLong_CheckExact(value))
        return 0;
    *number = PyLong_AsLongAndOverflow(value, &overflow);
    return !overflow;
}

/* Integers fill a whole ffi_arg, as libffi wants it. */
#define STORER(name, least, most)                                                        \
    static int store_##name(void *result, PyObject *value)                               \
    {                                                                                    \
        long number;                                                                     \
                                                                                         \
        if (!exact_long(value, &number) || number < (least) || number > (most))          \
            return 0;                                                                    \
        *(ffi_sarg *)result = number;                                                    \
        return 1;                                                                        \
    }

#define INTEGER(name, type, convert, least, most)                                        \
    LOADER(name, type, convert)                                                          \
    STORER(name, least, most)

INTEGER(signed_char, signed char, PyLong_FromLong, SCHAR_MIN, SCHAR_MAX)
INTEGER(unsigned_char, unsigned char, PyLong_FromLong, 0, UCHAR_MAX)
INTEGER(short, short, PyLong_FromLong, SHRT_MIN, SHRT_MAX)
INTEGER(unsigned_short, unsigned short, PyLong_FromLong, 0, USHRT_MAX)
INTEGER(int, int, PyLong_FromLong, INT_MIN, INT_MAX)
INTEGER(unsigned, unsigned, PyLong_FromUnsignedLong, 0, UINT_MAX)
INTEGER(long, long, PyLong_FromLong, LONG_MIN, LONG_MAX)
INTEGER(unsigned_long, unsigned long, PyLong_FromUnsignedLong, 0, LONG_MAX)
LOADER(float, float, PyFloat_FromDouble)
LOADER(double, double, PyFloat_FromDouble)

static int store_double(void *result, PyObject *value)
{
    if (!PyFloat_CheckExact(value))
        return 0;
    *(double *)result = PyFloat_AS_DOUBLE(value);
    return 1;
}

static int store_char(void *result, PyObject *value)
{
    if (!PyBytes_CheckExact(value) || PyBytes_GET_SIZE(value) != 1)
        return 0;
    *(ffi_arg *)result = (unsigned char)PyBytes_AS_STRING(value)[0];
    return 1;
}

static int store_bool(void *result, PyObject *value)
{
    if (!PyBool_Check(value))
        return 0;
    *(ffi_arg *)result = value == Py_True;
    return 1;
}

static int store_pointer(void *result, PyObject *value)
{
    long number = 0;

    if (value != Py_None && !exact_long(value, &number))
        return 0;
    *(ffi_sarg *)result = number;
    return 1;
}

_Static_assert(sizeof(long long) == sizeof(long), "q and Q are l and L");
_Static_assert(sizeof(long) == sizeof(ffi_arg), "a long fills an ffi_arg");

load_function *convert_loader(char code)
{
    switch (code) {
    case 'b': return load_signed_char;
    case 'B': return load_unsigned_char;
    case 'h': return load_short;
    case 'H': return load_unsigned_short;
    case 'i': return load_int;
    case 'I': return load_unsigned;
    case 'l': case 'q': return load_long;
    case 'L': case 'Q': return load_unsigned_long;
    case 'f': return load_float;
    case 'd': return load_double;
    default: return NULL;
    }
}

store_function *convert_storer(char code)
{
    switch (code) {
    case 'b': return store_signed_char;
    case 'B': return store_unsigned_char;
    case 'h': return store_short;
    case 'H': return store_unsigned_short;
    case 'i': return store_int;
    case 'I': return store_unsigned;
    case 'l': case 'q': return store_long;
    case 'L': case 'Q': return store_unsigned_long;
    case 'd': return store_double;
    case 'c': return store_char;
    case '?': return store_bool;
    case 'P': return store_pointer;
    default: return NULL;
    }
}

int convert_is_signed(char code)
{
    return code && strchr("bhilq", code);
}

int convert_is_integer(char code)
{
    return code && strchr("bBhHiIlLqQ", code);
}
