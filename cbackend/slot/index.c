/* SPDX-License-Identifier: MIT */
/*
 * Two levels of pointers over 48 address bits (32 where words have no more), one cell per granule
 * of 64 KiB.  A lookup is two loads and touches nothing that a stranger's pointer names, so any
 * value may be looked up.  Leaves are made on demand and never given back (one covers 4 GiB), so
 * readers need no lock.
 */
#include "index.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define GRANULE_BITS 16
#define LEVEL_BITS 16
#define LEVEL_SIZE ((size_t)1 << LEVEL_BITS)

_Static_assert(TFD_GRANULE == 1 << GRANULE_BITS, "granule");

typedef struct tfd_block *_Atomic cell;

struct tfd_block tfd_first_block;

#define LEAVES (TFD_WORD == 8 ? LEVEL_SIZE : 1)

static cell *_Atomic leaves[LEAVES];

struct tfd_block *tfd_block_new(void)
{
    return tfd_first_block.code ? calloc(1, sizeof(tfd_first_block)) : &tfd_first_block;
}

void tfd_block_delete(struct tfd_block *block)
{
    if (block == &tfd_first_block)
        memset(&tfd_first_block, 0, sizeof(tfd_first_block));
    else
        free(block);
}

void tfd_index_in_child(const struct tfd_block *newest)
{
    while (newest && newest != &tfd_first_block)
        newest = newest->older;
    if (!newest)
        tfd_block_delete(&tfd_first_block);
}

static cell *cell_of(uintptr_t address)
{
    uintptr_t granule = address >> GRANULE_BITS;
    uintptr_t top = granule >> LEVEL_BITS;
    cell *leaf = top < LEAVES ? atomic_load_explicit(&leaves[top], memory_order_acquire) : NULL;

    return leaf ? &leaf[granule % LEVEL_SIZE] : NULL;
}

static int make_leaves(uintptr_t start, size_t size)
{
    for (uintptr_t at = start; at < start + size; at += TFD_GRANULE) {
        uintptr_t top = at >> GRANULE_BITS >> LEVEL_BITS;
        cell *leaf;

        if (cell_of(at))
            continue;
        leaf = top < LEAVES ? calloc(LEVEL_SIZE, sizeof(*leaf)) : NULL;
        if (!leaf)
            return -ENOMEM;
        atomic_store_explicit(&leaves[top], leaf, memory_order_release);
    }
    return 0;
}

static void set(uintptr_t start, size_t size, struct tfd_block *block)
{
    for (uintptr_t at = start; at < start + size; at += TFD_GRANULE)
        atomic_store_explicit(cell_of(at), block, memory_order_release);
}

/* Code, what programs write, and what slots read, where that is not the same. */
static int make_all_leaves(const struct tfd_block *block)
{
    return make_leaves((uintptr_t)block->code, tfd_block_code_bytes(block))
           || make_leaves((uintptr_t)block->shadow, TFD_RECORD_BYTES)
           || make_leaves((uintptr_t)block->records, TFD_RECORD_BYTES);
}

static void set_all(const struct tfd_block *block, struct tfd_block *to)
{
    set((uintptr_t)block->code, tfd_block_code_bytes(block), to);
    set((uintptr_t)block->shadow, TFD_RECORD_BYTES, to);
    set((uintptr_t)block->records, TFD_RECORD_BYTES, to);
}

int tfd_index_add(struct tfd_block *block)
{
    if (block == &tfd_first_block)
        return 0;
    if (make_all_leaves(block))
        return -ENOMEM;
    set_all(block, block);
    return 0;
}

void tfd_index_remove(struct tfd_block *block)
{
    if (block != &tfd_first_block)
        set_all(block, NULL);
}

struct tfd_block *tfd_index_find_later(const void *address)
{
    cell *at = cell_of((uintptr_t)address);

    return at ? atomic_load_explicit(at, memory_order_acquire) : NULL;
}
