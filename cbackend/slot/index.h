/* SPDX-License-Identifier: MIT */
/*
 * The blocks that there are, and the way from an address to the block whose code or records it is.
 */
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

/* The memory in the library.  It is not entered: who looks for a block compares with it first. */
extern struct tfd_block tfd_first_block;

/* What a program writes to, prepares and frees comes first: it is asked for most. */
static inline int tfd_block_has(const struct tfd_block *block, const void *address)
{
    return (size_t)((const char *)address - (const char *)block->shadow) < TFD_RECORD_BYTES
           || (size_t)((const char *)address - block->code) < tfd_block_code_bytes(block)
           || (size_t)((const char *)address - (const char *)block->records) < TFD_RECORD_BYTES;
}

/* The rest of tfd_index_find(): all other blocks. */
struct tfd_block *tfd_index_find_later(const void *address);

/* Takes no lock and may be called in a signal handler.  NULL when there is none. */
static inline struct tfd_block *tfd_index_find(const void *address)
{
    if (tfd_first_block.code && tfd_block_has(&tfd_first_block, address))
        return &tfd_first_block;
    return tfd_index_find_later(address);
}

#endif
