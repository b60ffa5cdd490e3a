/* SPDX-License-Identifier: MIT */
/* Conversions that cffi and ctypes do alike, by the letter that the struct module uses. */
#ifndef NATIVE_CONVERT_H
#define NATIVE_CONVERT_H

#include "native.h"

/* The converter to Python of numbers, bBhHiIlLqQfd; NULL for other letters. */
load_function *convert_loader(char code);

/* The converter to C of values as they should be, bBhHiIlLqQdc?P; NULL for other letters. */
store_function *convert_storer(char code);

/* Is the letter one of a signed, of any integer type? */
int convert_is_signed(char code);
int convert_is_integer(char code);

#endif
