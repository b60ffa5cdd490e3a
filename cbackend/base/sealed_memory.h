/* SPDX-License-Identifier: MIT */
/*
 * Memory for data that is built while a program runs and does not change afterwards.  It can be
 * written only while something is stored in it.  All functions need the library's lock.
 */
#ifndef TFD_SEALED_MEMORY_H
#define TFD_SEALED_MEMORY_H

#include <stddef.h>

#define TFD_SEALED_MEMORY_ALIGNMENT 16

/* Room for `size` bytes, which is never given back; NULL: there is none. */
void *tfd_sealed_memory_get(size_t size);

/*
 * Store what belongs there, or in other private memory that can only be read.  Returns 0 or a
 * negative errno: where the kernel refuses, nothing is stored.
 */
int tfd_sealed_memory_store(void *room, const void *data, size_t size);

/* In the child of a fork that may have happened during a store. */
void tfd_sealed_memory_in_child(void);

#endif
