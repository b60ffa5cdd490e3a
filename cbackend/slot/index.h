/* SPDX-License-Identifier: MIT */
/* From an address to the block whose code, or whose records, lie there. */
#ifndef TFD_INDEX_H
#define TFD_INDEX_H

#include "block.h"

/* Needs the pool's lock.  Returns 0 or -ENOMEM (nothing is entered then). */
int tfd_index_add(struct tfd_block *block);

/* Needs the pool's lock. */
void tfd_index_remove(struct tfd_block *block);

/* Takes no lock and may be called in a signal handler.  NULL when there is none. */
struct tfd_block *tfd_index_find(const void *address);

#endif
