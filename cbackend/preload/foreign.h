/* SPDX-License-Identifier: MIT */
/*
 * Closures that another libffi may prepare: a program can allocate a closure with the functions of
 * this library, and prepare it with those of a copy of libffi that it looked up or was linked with.
 *
 * Such a copy writes its code into the first words of the closure, followed by what the code needs.
 * A record cannot take that, because the slot jumps through its first word.  In memory apart from
 * the record the code is only data, which tells where the call has to go.
 */
#ifndef TFD_FFI_FOREIGN_H
#define TFD_FFI_FOREIGN_H

#include "trampfd.h"

/* Is that possible for closures of the code at `caller`?  The first answer is kept. */
int tfd_foreign_is_possible(const void *caller);

/* trampfd_closure_alloc() for a closure that works whichever libffi prepares it. */
void *tfd_foreign_alloc(size_t size, void **code, struct trampfd_trail *trail);

#endif
