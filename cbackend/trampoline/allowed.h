/* SPDX-License-Identifier: MIT */
/*
 * The entries that a record may name.  Each is registered when the library is loaded, by the
 * file that defines it; providers that can check records hold them to this list.
 */
#ifndef TFD_ALLOWED_H
#define TFD_ALLOWED_H

#include "record.h"

#define TFD_ALLOWED_MAX 256

/*
 * Register an entry, in a constructor or under the lock.  `below_stack` says that it also works with a record
 * that lies in the 64 bytes below the stack pointer: it copies or keeps them before it, or
 * anything it calls, stores there.
 */
void tfd_allow(tfd_entry *entry, int below_stack);

/* All of them, or those that say `below_stack` or not; returns how many. */
enum tfd_allowed { TFD_ALLOWED_ALL, TFD_ALLOWED_BELOW_STACK, TFD_ALLOWED_ELSEWHERE };
unsigned tfd_allowed_list(enum tfd_allowed which, uint64_t list[TFD_ALLOWED_MAX]);

int tfd_allowed_below_stack(tfd_entry *entry);

#endif
