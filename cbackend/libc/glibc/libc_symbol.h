/* SPDX-License-Identifier: MIT */
/* Names with versions in the GNU C library; libc/musl has the same for musl.  Needs _GNU_SOURCE. */
#ifndef TFD_LIBC_SYMBOL_H
#define TFD_LIBC_SYMBOL_H

#include <dlfcn.h>

/* dlsym(3) for that version of a name; NULL stands for the default one. */
static inline void *tfd_symbol(void *handle, const char *name, const char *version)
{
    return version ? dlvsym(handle, name, version) : dlsym(handle, name);
}

#endif
