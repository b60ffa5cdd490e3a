/* SPDX-License-Identifier: MIT */
/* Conversions that cffi and ctypes do alike, by the letter that the struct module uses. */
#ifndef NATIVE_CONVERT_H
#define NATIVE_CONVERT_H

#include "attach.h"
#include "integer.h"
#include "signature.h"

/* The converter to Python of numbers, bBhHiIlLqQfd; NULL for other letters. */
load_function *convert_loader(char code);

/* The converter to C of exact floats, fd; NULL for other letters. */
store_function *convert_storer(char code);

/* Of an integer type not wider than an ffi_arg, the ints that fit it and a long; else none. */
void convert_range(char code, long *least, long *most);

/*
 * Store an exact int that is in the range of the result, as libffi wants it: filling a whole
 * ffi_arg.  Returns 0, with nothing stored and no exception, for any other value.
 */
static inline int convert_store_integer(const struct parameter *parameter, void *result,
                                        PyObject *value)
{
    long number;

    if (!integer_read(value, &number) || number < parameter->least || number > parameter->most)
        return 0;
    *(ffi_sarg *)result = number;
    return 1;
}

/*
 * Store a C integer of `size` bytes as libffi wants a result: one that is narrower than an ffi_arg
 * is extended to that, in whichever byte order.
 */
void store_narrow(void *result, const void *value, Py_ssize_t size, int is_signed);

/* Fill a result with zeros. */
COLD void convert_clear(const ffi_cif *cif, void *result);

/* Is the letter one of a signed, of any integer type? */
int convert_is_signed(char code);
int convert_is_integer(char code);

#endif
