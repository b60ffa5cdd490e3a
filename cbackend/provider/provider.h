/* SPDX-License-Identifier: MIT */
/*
 * Where slots come from.  A provider is one constant table of functions; the
 * rest of the library knows nothing of how it works.
 *
 * The pool's lock is held during all that changes something: map, unmap, store, disarm, probe
 * and in_child.  The others are called for a slot that the caller owns, with or without it.
 */
#ifndef TFD_PROVIDER_H
#define TFD_PROVIDER_H

#include "slot/block.h"

struct tfd_provider {
    const char *name;

    /* Is there anything to try on this machine?  No system call. */
    int (*present)(void);

    /*
     * Fill in a new block (zeroed by the caller).  Returns 0 or a negative
     * errno, with every failed attempt on the trail.
     */
    int (*map)(struct tfd_block *block, struct trampfd_trail *trail);

    /* Undo map().  No call may be under way in the block. */
    void (*unmap)(struct tfd_block *block);

    /*
     * Make `record` the record of slot `index`: the entry becomes visible to
     * other threads after the rest.  Returns 0 or a negative errno.
     */
    int (*store)(struct tfd_block *block, unsigned index, const union tfd_record *record);

    /*
     * Make tfd_entry_dead the entry of slot `index`, in one store, and change nothing else of what
     * a call under way reads.  Returns 0 or a negative errno.
     */
    int (*disarm)(struct tfd_block *block, unsigned index);

    /* Read a record back from where the slots read it.  Returns 0 or a negative errno. */
    int (*load)(const struct tfd_block *block, unsigned index, union tfd_record *record);

    /*
     * Where in the memory of the process a slot reads its record, `record` being what load()
     * gave; NULL when the kernel hands it over at each call.
     */
    const void *(*in_memory)(const struct tfd_block *block, unsigned index,
                             const union tfd_record *record);

    /* Is the slot's code, where there is any to read, as it was made? */
    int (*intact)(const struct tfd_block *block, unsigned index);

    /*
     * In the child of a fork, for each block: give it what the kernel did not.  NULL: nothing.
     * When another thread was in the middle of a change, `block` is whole, what its slots have
     * in the kernel may not be.
     */
    void (*in_child)(struct tfd_block *block);

    /* Try every source of a block, with one attempt each on the trail, and undo it. */
    void (*probe)(struct trampfd_trail *trail);
};

/* intact() and in_memory() of providers with slots of code and records in memory. */
int tfd_provider_slot_intact(const struct tfd_block *block, unsigned index);
const void *tfd_provider_record_in_memory(const struct tfd_block *block, unsigned index,
                                          const union tfd_record *record);

extern const struct tfd_provider tfd_provider_table;
extern const struct tfd_provider tfd_provider_trampfd;
extern const struct tfd_provider tfd_provider_trampfd_user;

/* In the order to try them. */
struct tfd_providers {
    unsigned count;
    const struct tfd_provider *list[2];
};

/*
 * Those that TRAMPFD_PROVIDER (or TRAMPFD_BACKEND, its former name) asks for; auto: trampfd, then
 * table; or a single one by its name.  None, with an attempt on the trail, for another name.
 */
struct tfd_providers tfd_providers_asked_for(struct trampfd_trail *trail);

/* Those of them that are present, or the last one if none is. */
struct tfd_providers tfd_providers_present(struct tfd_providers asked_for);

#endif
