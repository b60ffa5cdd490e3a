/* SPDX-License-Identifier: MIT */
/* A slot: its block, its number there, and the operations of its provider. */
#ifndef TFD_SLOT_H
#define TFD_SLOT_H

#include "base/lock.h"
#include "block.h"

#include <errno.h>

/* Two words, so that functions return it in registers. */
struct tfd_slot {
    struct tfd_block *block; /* NULL: there is no slot, and `index` says why */
    size_t index;            /* or the negative errno */
};

/* `error` is not 0. */
static inline struct tfd_slot tfd_slot_none(int error)
{
    return (struct tfd_slot){.block = NULL, .index = (size_t)error};
}

/* The slot with that number; ENOENT if it is -1. */
static inline struct tfd_slot tfd_slot_at(struct tfd_block *block, int index)
{
    return index < 0 ? tfd_slot_none(-ENOENT) : (struct tfd_slot){block, (size_t)index};
}

/* 0, or the negative errno. */
static inline int tfd_slot_error(struct tfd_slot slot)
{
    return slot.block ? 0 : (int)slot.index;
}

/* The address that programs call. */
static inline void *tfd_slot_code(struct tfd_slot slot)
{
    return (void *)(uintptr_t)tfd_block_slot(slot.block, slot.index);
}

/* Where the caller of a slot writes its ffi_closure, unless it has a heap block. */
static inline union tfd_record *tfd_slot_shadow(struct tfd_slot slot)
{
    return &slot.block->shadow[slot.index];
}

/* The record that the slot reads when it is called, if that is in memory. */
static inline const union tfd_record *tfd_slot_record(struct tfd_slot slot)
{
    return &slot.block->records[slot.index];
}

/* Of a slot that another thread may be making or freeing, too. */
static inline uintptr_t tfd_slot_state(struct tfd_slot slot)
{
    return __atomic_load_n(&tfd_slot_shadow(slot)->owner.state, __ATOMIC_RELAXED);
}

/*
 * Gives a slot that is in use the state of a freed one.  Returns 0 if it is free: other threads may
 * free it at the same time, by mistake.
 */
static inline int tfd_slot_becomes_free(struct tfd_slot slot, uintptr_t freed)
{
    uintptr_t *at = &tfd_slot_shadow(slot)->owner.state;
    uintptr_t state = tfd_slot_state(slot);

    if (tfd_state_is_free(state))
        return 0;
    if (!tfd_is_single_threaded())
        return __atomic_compare_exchange_n(at, &state, freed, 0, __ATOMIC_ACQ_REL,
                                           __ATOMIC_RELAXED);
    __atomic_store_n(at, freed, __ATOMIC_RELEASE);
    return 1;
}

/* Of the slot's provider; see provider.h. */
const char *tfd_slot_provider_name(struct tfd_slot slot);
int tfd_slot_load(struct tfd_slot slot, union tfd_record *record);
int tfd_slot_intact(struct tfd_slot slot);
const void *tfd_slot_in_memory(struct tfd_slot slot, const union tfd_record *record);

#endif
