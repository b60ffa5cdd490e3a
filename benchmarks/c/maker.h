/* SPDX-License-Identifier: MIT */
/* One way to make closures.  Each rival has a file make_*.c; the rest is common to all. */
#ifndef MAKER_H
#define MAKER_H

#include <ffi.h>

typedef void handler(ffi_cif *cif, void *result, void **arguments, void *user_data);

/* Returns what maker_free() takes, and the function pointer; NULL with errno on failure. */
void *maker_new(ffi_cif *cif, handler *fun, void **code);
void maker_free(void *closure);

/* Of the signature that loops.c calls by this name; NULL: there is none, or libffi refuses it. */
ffi_cif *signature_cif(const char *name);

#endif
