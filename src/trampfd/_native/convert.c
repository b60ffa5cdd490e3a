/* SPDX-License-Identifier: MIT */
#include "convert.h"

#include <string.h>

#define LOADER(name, type, convert)                                            \
    static PyObject *name(const struct parameter *parameter, void *data)       \
    {                                                                          \
        (void)parameter;                                                       \
        return convert(*(type *)data);                                         \
    }

LOADER(load_signed_char, signed char, PyLong_FromLong)
LOADER(load_unsigned_char, unsigned char, PyLong_FromLong)
LOADER(load_short, short, PyLong_FromLong)
LOADER(load_unsigned_short, unsigned short, PyLong_FromLong)
LOADER(load_int, int, PyLong_FromLong)
LOADER(load_unsigned, unsigned, PyLong_FromUnsignedLong)
LOADER(load_long, long, PyLong_FromLong)
LOADER(load_unsigned_long, unsigned long, PyLong_FromUnsignedLong)
LOADER(load_long_long, long long, PyLong_FromLongLong)
LOADER(load_unsigned_long_long, unsigned long long, PyLong_FromUnsignedLongLong)
LOADER(load_float, float, PyFloat_FromDouble)
LOADER(load_double, double, PyFloat_FromDouble)

load_function *convert_loader(char code)
{
    switch (code) {
    case 'b': return load_signed_char;
    case 'B': return load_unsigned_char;
    case 'h': return load_short;
    case 'H': return load_unsigned_short;
    case 'i': return load_int;
    case 'I': return load_unsigned;
    case 'l': return load_long;
    case 'L': return load_unsigned_long;
    case 'q': return load_long_long;
    case 'Q': return load_unsigned_long_long;
    case 'f': return load_float;
    case 'd': return load_double;
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

static int fits(const struct parameter *parameter, long long number)
{
    int bits = (int)parameter->size * 8;

    if (convert_is_signed(parameter->code))
        return bits == 64 || (number >= -(1LL << (bits - 1)) && number < 1LL << (bits - 1));
    return number >= 0 && (bits == 64 || number < 1LL << bits);
}

int convert_store_exact(const struct parameter *parameter, void *result, PyObject *value)
{
    if (PyLong_CheckExact(value) && convert_is_integer(parameter->code)) {
        int overflow;
        long long number = PyLong_AsLongLongAndOverflow(value, &overflow);

        if (overflow || !fits(parameter, number))
            return 0;
        memcpy(result, &number, sizeof(ffi_arg));
        return 1;
    }
    if (PyFloat_CheckExact(value) && parameter->code == 'd') {
        *(double *)result = PyFloat_AS_DOUBLE(value);
        return 1;
    }
    return 0;
}
