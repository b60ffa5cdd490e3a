/* SPDX-License-Identifier: MIT */
/*
 * Closures that another libffi may prepare: a program can allocate by the functions it finds here
 * and prepare by those of a copy of libffi that it looked up, or that is linked into it.
 *
 * Such a copy writes its code into the first words of the closure, and what the code would need
 * after it.  Nothing can be done for it in a record, whose first word the slot jumps through; in
 * memory apart from the record the code is only data, which says where the call is to go on.
 */
#ifndef TFD_FFI_FOREIGN_H
#define TFD_FFI_FOREIGN_H

#include "trampfd.h"

/* Is that possible for what the code at `caller` allocates?  As it was when it first asked. */
int tfd_foreign_is_possible(const void *caller);

/* trampfd_closure_alloc() for a closure that then works whoever prepares it. */
void *tfd_foreign_alloc(size_t size, void **code, struct trampfd_trail *trail);

#endif
