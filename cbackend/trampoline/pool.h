/* SPDX-License-Identifier: MIT */
/* All slots of the process: handing them out, taking them back, finding them. */
#ifndef TFD_POOL_H
#define TFD_POOL_H

#include "block.h"

struct tfd_slot {
    struct tfd_block *block;
    size_t index; /* a whole word: slots are passed around in registers */
};

/*
 * Hand out a slot whose record is dead and whose state is TFD_STATE_USED.  Returns
 * 0 or a negative errno; `trail` (never NULL) tells what was tried.  No system call
 * unless a block has to be made.
 */
int tfd_pool_take(struct tfd_slot *slot, struct trampfd_trail *trail);

/*
 * Take a slot back: its record becomes dead, with `name` in it.  Returns 0, or
 * -EINVAL when the slot is free already, or the provider's error (the slot stays
 * used then).
 */
int tfd_pool_give(struct tfd_slot slot, const char *name);

/* Store a record, whose state word is filled in, in a slot that the caller owns. */
int tfd_pool_store(struct tfd_slot slot, union tfd_record *record);

/* The slot whose code, or whose record as programs see it, starts at the address; or -ENOENT. */
int tfd_pool_find_code(const void *code, struct tfd_slot *slot);
int tfd_pool_find_closure(const void *closure, struct tfd_slot *slot);

/* The slot that reads the record at the address; or -ENOENT. */
int tfd_pool_find_record(const union tfd_record *record, struct tfd_slot *slot);

/* Fill in all of a status that the pool knows. */
void tfd_pool_status(struct trampfd_status *status);

/* Where the caller of a slot writes its ffi_closure, unless it has a heap block. */
static inline union tfd_record *tfd_slot_shadow(struct tfd_slot slot)
{
    return &slot.block->shadow[slot.index];
}

#endif
