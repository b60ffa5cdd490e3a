/* SPDX-License-Identifier: MIT */
/* Conversions that cffi and ctypes do alike, by the letter that the struct module uses. */
#ifndef NATIVE_CONVERT_H
#define NATIVE_CONVERT_H

#include "native.h"

/* The converter to Python of integers and floats: bBhHiIlLqQfd; NULL for other letters. */
load_function *convert_loader(char code);

/* Is the letter one of a signed, of any integer type? */
int convert_is_signed(char code);
int convert_is_integer(char code);

/*
 * Store an int that fits the type, or a float in a double, as libffi wants a result.
 * Returns 0 when the value is of another class or does not fit; nothing is stored and no
 * exception set then.
 */
int convert_store_exact(const struct parameter *parameter, void *result, PyObject *value);

#endif
