/* SPDX-License-Identifier: MIT */
#include "convert.h"

#include <limits.h>
#include <string.h>

/* PyLong_FromLong() is the fastest; where a long has 32 bits it does not take these. */
static PyObject *from_unsigned(unsigned value)
{
    return sizeof(long) > sizeof(value) ? PyLong_FromLong((long)value)
                                        : PyLong_FromUnsignedLong(value);
}

static PyObject *from_long_long(long long value)
{
    return sizeof(long) == sizeof(value) ? PyLong_FromLong((long)value)
                                         : PyLong_FromLongLong(value);
}

static PyObject *from_unsigned_long_long(unsigned long long value)
{
    return sizeof(long) == sizeof(value) ? PyLong_FromUnsignedLong((unsigned long)value)
                                         : PyLong_FromUnsignedLongLong(value);
}

#define LOADER(name, type, convert)                                                                \
    PyObject *convert_load_##name(const struct parameter *parameter, void *data)                   \
    {                                                                                              \
        (void)parameter;                                                                           \
        return convert(*(type *)data);                                                             \
    }

LOADER(signed_char, signed char, PyLong_FromLong)
LOADER(unsigned_char, unsigned char, PyLong_FromLong)
LOADER(short, short, PyLong_FromLong)
LOADER(unsigned_short, unsigned short, PyLong_FromLong)
LOADER(int, int, PyLong_FromLong)
LOADER(unsigned, unsigned, from_unsigned)
LOADER(long, long, PyLong_FromLong)
LOADER(unsigned_long, unsigned long, PyLong_FromUnsignedLong)
LOADER(long_long, long long, from_long_long)
LOADER(unsigned_long_long, unsigned long long, from_unsigned_long_long)
LOADER(float, float, PyFloat_FromDouble)
LOADER(double, double, PyFloat_FromDouble)

PyObject *convert_load_char(const struct parameter *parameter, void *data)
{
    (void)parameter;
    return PyBytes_FromStringAndSize(data, 1);
}

int convert_store_char(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    if (!PyBytes_CheckExact(value) || PyBytes_GET_SIZE(value) != 1)
        return 0;
    *(ffi_arg *)result = (unsigned char)PyBytes_AS_STRING(value)[0];
    return 1;
}

int convert_store_bool(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    if (!PyBool_Check(value))
        return 0;
    *(ffi_arg *)result = value == Py_True;
    return 1;
}

int convert_store_float(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    if (!PyFloat_CheckExact(value))
        return 0;
    *(float *)result = (float)PyFloat_AS_DOUBLE(value);
    return 1;
}

int convert_store_double(const struct parameter *parameter, void *result, PyObject *value)
{
    (void)parameter;
    if (!PyFloat_CheckExact(value))
        return 0;
    *(double *)result = PyFloat_AS_DOUBLE(value);
    return 1;
}

void store_narrow(void *result, const void *value, Py_ssize_t size, int is_signed)
{
    union {
        int8_t s1;
        uint8_t u1;
        int16_t s2;
        uint16_t u2;
        int32_t s4;
        uint32_t u4;
    } narrow;
    ffi_arg wide;

    if (size >= (Py_ssize_t)sizeof(wide)) {
        memcpy(result, value, (size_t)size);
        return;
    }
    memcpy(&narrow, value, (size_t)size);
    switch (size) {
    case 1: wide = is_signed ? (ffi_arg)narrow.s1 : narrow.u1; break;
    case 2: wide = is_signed ? (ffi_arg)narrow.s2 : narrow.u2; break;
    default: wide = is_signed ? (ffi_arg)narrow.s4 : narrow.u4; break;
    }
    memcpy(result, &wide, sizeof(wide));
}

void convert_range(char code, long *min, long *max)
{
    static const struct {
        char code;
        size_t size;
        long min, max;
    } ranges[] = {
        {'b', sizeof(char), SCHAR_MIN, SCHAR_MAX},
        {'B', sizeof(char), 0, UCHAR_MAX},
        {'h', sizeof(short), SHRT_MIN, SHRT_MAX},
        {'H', sizeof(short), 0, USHRT_MAX},
        {'i', sizeof(int), INT_MIN, INT_MAX},
        {'I', sizeof(int), 0, UINT_MAX < LONG_MAX ? (long)UINT_MAX : LONG_MAX},
        {'l', sizeof(long), LONG_MIN, LONG_MAX},
        {'L', sizeof(long), 0, LONG_MAX},
        {'q', sizeof(long long), LONG_MIN, LONG_MAX},
        {'Q', sizeof(long long), 0, LONG_MAX},
    };

    *min = 0;
    *max = -1;
    for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
        if (ranges[i].code == code && ranges[i].size <= sizeof(ffi_arg)) {
            *min = ranges[i].min;
            *max = ranges[i].max;
        }
}

int convert_is_integer(char code)
{
    return code && strchr("bBhHiIlLqQ", code);
}

char convert_extension(const struct parameter *parameter)
{
    if (parameter->size >= (Py_ssize_t)sizeof(ffi_arg))
        return 0;
    switch (parameter->ffi->type) {
    case FFI_TYPE_SINT8:
    case FFI_TYPE_SINT16:
    case FFI_TYPE_SINT32: return 's';
    case FFI_TYPE_UINT8:
    case FFI_TYPE_UINT16:
    case FFI_TYPE_UINT32: return 'z';
    default: return 0;
    }
}

size_t convert_result_size(const ffi_cif *cif)
{
    const ffi_type *type = cif->rtype;

    if (type->type == FFI_TYPE_VOID)
        return 0;
    return type->size < sizeof(ffi_arg) ? sizeof(ffi_arg) : type->size;
}

void convert_clear(const ffi_cif *cif, void *result)
{
    memset(result, 0, convert_result_size(cif));
}
