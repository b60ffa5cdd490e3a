/* SPDX-License-Identifier: MIT */
/*
 * A block: 4096 slots and their records, made by a provider.  The size of a table's block
 * does not depend on the page size.
 */
#ifndef TFD_BLOCK_H
#define TFD_BLOCK_H

#include "record.h"
#include "trampfd.h"

#define TFD_CODE_BYTES ((size_t)TFD_SLOTS * TFD_SLOT_SIZE)
#define TFD_RECORD_BYTES ((size_t)TFD_SLOTS * TFD_RECORD_SIZE)

_Static_assert(TFD_SLOTS == TRAMPFD_BLOCK_SLOTS, "slots of a block");
_Static_assert(TFD_CODE_BYTES % TFD_GRANULE == 0, "a block's code fills granules");
_Static_assert(TFD_RECORD_BYTES % TFD_GRANULE == 0, "so do its records");

/* Numbers, not pointers to their functions: blocks lie in memory that can be written. */
enum tfd_provider_number {
    TFD_PROVIDER_TABLE,
    TFD_PROVIDER_SEALED,
    TFD_PROVIDER_TRAMPFD,
    TFD_PROVIDER_TRAMPFD_USER,
    TFD_PROVIDERS,
};

enum tfd_source {
    TFD_BUILT_IN,
    TFD_OWN_FILE,
    TFD_MEMFD,
    TFD_TRAMPFD,
    TFD_TRAMPFD_USER,
    TFD_SOURCES,
};

/*
 * The pool zeroes a new block, then sets `source` to TFD_OWN_FILE if the built-in slots are taken,
 * `rest` as for slots that cost nothing while they are free, and `is_ahead`.  The provider fills in
 * everything up to `private`, which only the provider uses.  `shadow` is where programs write their
 * ffi_closure:  the records themselves if these are writable in the process.  The fields after
 * `private` belong to the pool and are guarded by its lock.
 */
struct tfd_block {
    enum tfd_provider_number provider;
    enum tfd_source source;
    const char *code;
    size_t slot_size; /* bytes of code from one slot to the next */
    union tfd_record *records;
    union tfd_record *shadow;
    unsigned rest; /* freed slots that wait before the first of them is handed out again */
    int is_ahead;  /* reserved: it may never be used, so its records get no memory yet */
    void *private;

    unsigned used;
    unsigned fresh; /* slots from here on were never handed out, their memory never touched */
    unsigned oldest, newest;         /* freed slots, in that order: index + 1, or 0 */
    char *names;                     /* see names.h; NULL until a name is given */
    struct tfd_block *prev, *next;   /* list of blocks with free slots */
    struct tfd_block *newer, *older; /* list of all blocks */
};

static inline size_t tfd_block_code_bytes(const struct tfd_block *block)
{
    return TFD_SLOTS * block->slot_size;
}

static inline const void *tfd_block_slot(const struct tfd_block *block, unsigned index)
{
    return block->code + index * block->slot_size;
}

/* Inverse of tfd_block_slot(); -1 if `code` is not the start of a slot of the block. */
static inline int tfd_block_index_of_code(const struct tfd_block *block, const void *code)
{
    size_t offset = (size_t)((const char *)code - block->code);

    return offset < tfd_block_code_bytes(block) && offset % block->slot_size == 0
               ? (int)(offset / block->slot_size)
               : -1;
}

/* -1 if `record` is not the start of one of the block's records at `records`. */
static inline int tfd_block_index_in(const union tfd_record *records, const void *record)
{
    size_t offset = (size_t)((const char *)record - (const char *)records);

    return offset < TFD_RECORD_BYTES && offset % TFD_RECORD_SIZE == 0
               ? (int)(offset / TFD_RECORD_SIZE)
               : -1;
}

#endif
