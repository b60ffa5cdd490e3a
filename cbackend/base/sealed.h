/* SPDX-License-Identifier: MIT */
/*
 * Data that is found while a program runs and does not change afterwards, such as the functions of
 * another library, is kept on a page of its own that is then made read-only.  Data that is known
 * when the library is linked is const, and read-only anyway.
 */
#ifndef TFD_SEALED_H
#define TFD_SEALED_H

#include "cpu.h" /* of the port */

#include <stddef.h>

/*
 * `TFD_SEALED(struct {...}) name;`: it has zeros, then what is stored in name.is until it is
 * sealed.
 */
#define TFD_SEALED(...)                                                                            \
    union {                                                                                        \
        __VA_ARGS__ is;                                                                            \
        char page[TFD_PORT_PAGE_MAX];                                                              \
    } __attribute__((aligned(TFD_PORT_PAGE_MAX)))

/* Where the kernel has no room for one more mapping, the page stays writable. */
void tfd_seal(void *sealed);

/* Store what may be there already, and seal it.  Takes the lock.  Returns 0 or a negative errno. */
int tfd_sealed_store(void *sealed, const void *value, size_t size);

#endif
