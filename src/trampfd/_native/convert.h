/* SPDX-License-Identifier: MIT */
/* Conversions that are the same in cffi and ctypes, by the letter of the struct module. */
#ifndef NATIVE_CONVERT_H
#define NATIVE_CONVERT_H

#include "attach.h"
#include "integer.h"
#include "signature.h"

/* The converter to Python of numbers, bBhHiIlLqQfd, and of chars, c; NULL for other letters. */
load_function *convert_loader(char code);

/* The converter to C of exact floats, fd, bools, ?, and chars, c; NULL for other letters. */
store_function *convert_storer(char code);

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

/* By that, or by the parameter's `store`. */
static inline int convert_store(const struct parameter *parameter, void *result, PyObject *value)
{
    return convert_store_integer(parameter, result, value)
           || (parameter->store && parameter->store(parameter, result, value));
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
