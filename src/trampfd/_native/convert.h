/* SPDX-License-Identifier: MIT */
/* Conversions that are the same in cffi and ctypes, by the letter of the struct module. */
#ifndef NATIVE_CONVERT_H
#define NATIVE_CONVERT_H

#include "attach.h"
#include "integer.h"
#include "signature.h"

/*
 * The converters of a frontend, by the letter of a type: constant tables, and a parameter has a
 * number, so that no memory which can be written decides where a call goes.  The first ones, by
 * number 0, are for letters that have none of their own.
 */
#define CONVERT_CODES 128

/* Converters to Python of numbers, and of chars. */
load_function convert_load_signed_char, convert_load_unsigned_char, convert_load_short,
    convert_load_unsigned_short, convert_load_int, convert_load_unsigned, convert_load_long,
    convert_load_unsigned_long, convert_load_long_long, convert_load_unsigned_long_long,
    convert_load_float, convert_load_double, convert_load_char;

#define CONVERT_LOADERS                                                                            \
    ['b'] = convert_load_signed_char, ['B'] = convert_load_unsigned_char,                          \
    ['h'] = convert_load_short, ['H'] = convert_load_unsigned_short, ['i'] = convert_load_int,     \
    ['I'] = convert_load_unsigned, ['l'] = convert_load_long, ['L'] = convert_load_unsigned_long,  \
    ['q'] = convert_load_long_long, ['Q'] = convert_load_unsigned_long_long,                       \
    ['f'] = convert_load_float, ['d'] = convert_load_double, ['c'] = convert_load_char

/* Converters to C of exact floats, bools and chars. */
store_function convert_store_float, convert_store_double, convert_store_bool, convert_store_char;

#define CONVERT_STORERS                                                                            \
    ['f'] = convert_store_float, ['d'] = convert_store_double, ['?'] = convert_store_bool,         \
    ['c'] = convert_store_char

/* The range of ints that fit an integer type not wider than an ffi_arg, and a long; else empty. */
void convert_range(char code, long *min, long *max);

/*
 * Store an exact int that is in the range of the result, in the form that libffi expects: a whole
 * ffi_arg.  Returns 0, with nothing stored and no exception, for any other value.
 */
static inline int convert_store_integer(const struct parameter *parameter, void *result,
                                        PyObject *value)
{
    long number;

    if (!integer_read(value, &number) || number < parameter->min || number > parameter->max)
        return 0;
    *(ffi_sarg *)result = number;
    return 1;
}

/* By that, or by the parameter's converter of the frontend. */
static inline int convert_store(store_function *const storers[CONVERT_CODES],
                                const struct parameter *parameter, void *result, PyObject *value)
{
    return convert_store_integer(parameter, result, value)
           || (parameter->storer
               && storers[parameter->storer % CONVERT_CODES](parameter, result, value));
}

/*
 * Store a C integer of `size` bytes in the form that libffi expects of a result: an integer
 * narrower than an ffi_arg is extended to one, in either byte order.
 */
void store_narrow(void *result, const void *value, Py_ssize_t size, int is_signed);

/* For parameter->extension; 0 if the result is not extended. */
char convert_extension(const struct parameter *parameter);

/* Bytes of a result where libffi takes it from; 0 if there is none. */
size_t convert_result_size(const ffi_cif *cif);

/* Fill a result with zeros. */
COLD void convert_clear(const ffi_cif *cif, void *result);

/* Is that the letter of an integer type? */
int convert_is_integer(char code);

#endif
