/* SPDX-License-Identifier: MIT */
/*
 * All blocks, and the search for the block whose code or records contain an address.
 */
#ifndef TFD_INDEX_H
#define TFD_INDEX_H

#include "block.h"

/*
 * Allocate the zeroed memory of a block, or free it.  The first block has static memory in the
 * library, so that a process with a single block allocates nothing.  NULL: out of memory.  Both
 * need the lock.
 */
struct tfd_block *tfd_block_new(void);
void tfd_block_delete(struct tfd_block *block);

/* Needs the lock.  Returns 0, or -ENOMEM without entering anything. */
int tfd_index_add(struct tfd_block *block);

/* Needs the lock. */
void tfd_index_remove(struct tfd_block *block);

/*
 * For the child of a fork that may have happened between new and delete in another thread: the
 * static memory is free unless it is in the list of all blocks that starts with `newest`.
 */
void tfd_index_in_child(const struct tfd_block *newest);

/* The static memory.  It is not in the table: a search compares with it first. */
extern struct tfd_block tfd_first_block;

/*
 * The memory that programs write, prepare and free is compared first, as it is the most frequent.
 */
static inline int tfd_block_has(const struct tfd_block *block, const void *address)
{
    return (size_t)((const char *)address - (const char *)block->shadow) < TFD_RECORD_BYTES
           || (size_t)((const char *)address - block->code) < tfd_block_code_bytes(block)
           || (size_t)((const char *)address - (const char *)block->records) < TFD_RECORD_BYTES;
}

/* The rest of tfd_index_find(): all other blocks. */
struct tfd_block *tfd_index_find_later(const void *address);

/*
 * Takes no lock and may be called in a signal handler.  Returns NULL if no block has the address.
 */
static inline struct tfd_block *tfd_index_find(const void *address)
{
    if (tfd_first_block.code && tfd_block_has(&tfd_first_block, address))
        return &tfd_first_block;
    return tfd_index_find_later(address);
}

#endif
