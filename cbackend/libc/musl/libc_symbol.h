/* SPDX-License-Identifier: MIT */
/* Names with versions in musl; libc/glibc has the same for the GNU C library. */
#ifndef TFD_LIBC_SYMBOL_H
#define TFD_LIBC_SYMBOL_H

#include <dlfcn.h>

/* As musl binds the names of an object that asks for a version: to the default one. */
static inline void *tfd_symbol(void *handle, const char *name, const char *version)
{
    (void)version;
    return dlsym(handle, name);
}

#endif
