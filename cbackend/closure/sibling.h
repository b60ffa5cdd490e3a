/* SPDX-License-Identifier: MIT */
/*
 * Other copies of trampfd in the process: the extension, libtrampfd.so and the preload library each
 * have a pool of their own, and a program may pass a closure of one to another.
 */
#ifndef TFD_SIBLING_H
#define TFD_SIBLING_H

#include <stddef.h>

#define TFD_SIBLING_NAME 64

/*
 * Find the copy, other than this one, that owns an address; the name of its file, without the
 * folder, is copied to `name`.  Returns an address in its object, or NULL.  Never waits for a
 * dlopen(3).
 */
const void *tfd_sibling_of(const void *address, char name[TFD_SIBLING_NAME]);

/*
 * Does the address lie in a closure or its code, even if it has been freed, or is it that of a
 * closure larger than a record?  Any address may be passed; takes no lock.
 */
int tfd_sibling_owns(const void *address);

#endif
