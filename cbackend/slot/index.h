/* SPDX-License-Identifier: MIT */
/* The blocks that there are, and the way from an address to the block whose code or records it is. */
#ifndef TFD_INDEX_H
#define TFD_INDEX_H

#include "block.h"

/*
 * Memory for a block, zeroed.  For the first one there is some in the library: a process with no
 * more than one block allocates nothing.  NULL: out of memory.  Both need the lock.
 */
struct tfd_block *tfd_block_new(void);
void tfd_block_delete(struct tfd_block *block);

/* Needs the lock.  Returns 0 or -ENOMEM (nothing is entered then). */
int tfd_index_add(struct tfd_block *block);

/* Needs the lock. */
void tfd_index_remove(struct tfd_block *block);

/*
 * In the child of a fork that may have come between new and delete in another thread: the memory in
 * the library is free unless it is in the list of all blocks that starts there.
 */
void tfd_index_in_child(const struct tfd_block *newest);

/* Takes no lock and may be called in a signal handler.  NULL when there is none. */
struct tfd_block *tfd_index_find(const void *address);

#endif
