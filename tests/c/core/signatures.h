/* SPDX-License-Identifier: MIT */
/*
 * For compiled functions of generated signatures: each one asks for a closure of its type, calls it
 * as the compiler thinks right, and has the result checked.
 */
#ifndef CORE_SIGNATURES_H
#define CORE_SIGNATURES_H

#include <ffi.h>

/*
 * A closure of the type, valid until the next call.  The arguments, whose addresses are given, are
 * filled with random bytes, which the closure's handler must be called with.
 */
void *prepare(const char *name, ffi_type *result, unsigned count, ffi_type **types,
              void **arguments);

/* Is this what the handler returned?  NULL for a function without a result. */
void check_result(const void *got);

/* The generated functions, NULL at the end. */
extern void (*const signatures[])(void);

#endif
