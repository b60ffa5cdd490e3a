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

LOADER(signed_char, signed char, PyLong_FromLong)
LOADER(unsigned_char, unsigned char, PyLong_FromLong)
LOADER(short, short, PyLong_FromLong)
LOADER(unsigned_short, unsigned short, PyLong_FromLong)
LOADER(int, int, PyLong_FromLong)
LOADER(unsigned, unsigned, PyLong_FromLong)
LOADER(long, long, PyLong_FromLong)
LOADER(unsigned_long, unsigned long, PyLong_FromUnsignedLong)
LOADER(float, float, PyFloat_FromDouble)
LOADER(double, double, PyFloat_FromDouble)

static int store_float(void *result, PyObject *value)
{
    if (!PyFloat_CheckExact(value))
        return 0;
    *(float *)result = (float)PyFloat_AS_DOUBLE(value);
    return 1;
}

static int store_double(void *result, PyObject *value)
{
    if (!PyFloat_CheckExact(value))
        return 0;
    *(double *)result = PyFloat_AS_DOUBLE(value);
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
    case 'f': return store_float;
    case 'd': return store_double;
    default: return NULL;
    }
}

void convert_range(char code, long *least, long *most)
{
    static const struct {
        char code;
        long least, most;
    } ranges[] = {
        {'b', SCHAR_MIN, SCHAR_MAX}, {'B', 0, UCHAR_MAX},
        {'h', SHRT_MIN, SHRT_MAX},   {'H', 0, USHRT_MAX},
        {'i', INT_MIN, INT_MAX},     {'I', 0, UINT_MAX},
        {'l', LONG_MIN, LONG_MAX},   {'L', 0, LONG_MAX},
        {'q', LONG_MIN, LONG_MAX},   {'Q', 0, LONG_MAX},
    };

    *least = 0;
    *most = -1;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (ranges[i].code == code) {
            *least = ranges[i].least;
            *most = ranges[i].most;
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

void convert_clear(const ffi_cif *cif, void *result)
{
    const ffi_type *type = cif->rtype;

    if (type->type != FFI_TYPE_VOID)
        memset(result, 0, type->size < sizeof(ffi_arg) ? sizeof(ffi_arg) : type->size);
}
