/* SPDX-License-Identifier: MIT */
/*
 * Providers of slots.  A provider is one constant table of functions; the rest of the library does
 * not depend on how it works.
 *
 * The functions that change something (map, unmap, store, disarm, probe and in_child) are called
 * with the lock held, except where records are plain memory.  The others are called for a slot that
 * the caller owns, with or without it.
 */
#ifndef TFD_PROVIDER_H
#define TFD_PROVIDER_H

#include "arch/port.h"

struct tfd_provider {
    const char *name;

    /* Is this provider worth trying on this machine?  Makes no system call. */
    int (*present)(void);

    /*
     * Fill in a new block (zeroed by the caller).  Returns 0 or a negative
     * errno, with every failed attempt on the trail.
     */
    int (*map)(struct tfd_block *block, struct trampfd_trail *trail);

    /* Undo map().  No call may be in progress in the block. */
    void (*unmap)(struct tfd_block *block);

    /*
     * Make `record` the record of slot `index`: the entry becomes visible to
     * other threads after the rest.  Returns 0 or a negative errno.
     */
    int (*store)(struct tfd_block *block, unsigned index, const union tfd_record *record);

    /*
     * Make tfd_entry_dead the entry of slot `index`, in one store, and change nothing else of what
     * a call in progress reads.  Returns 0 or a negative errno.
     */
    int (*disarm)(struct tfd_block *block, unsigned index);

    /*
     * Where the kernel holds the record of a slot: make it final, for this process and its children.
     * NULL: no kernel does.  Returns 0 or a negative errno.
     */
    int (*freeze)(struct tfd_block *block, unsigned index);

    /* Read a record back from where the slots read it.  Returns 0 or a negative errno. */
    int (*load)(const struct tfd_block *block, unsigned index, union tfd_record *record);

    /*
     * Where in the memory of the process a slot reads its record, `record` being what load()
     * returned; NULL if the kernel hands it over at each call.
     */
    const void *(*in_memory)(const struct tfd_block *block, unsigned index,
                             const union tfd_record *record);

    /* Is the slot's code, if it can be read, unchanged? */
    int (*intact)(const struct tfd_block *block, unsigned index);

    /*
     * In the child of a fork, for each block: make what the child did not inherit.  NULL: nothing.
     * If another thread was making a change, `block` is consistent, but the kernel's data of its
     * slots may not be.
     */
    void (*in_child)(struct tfd_block *block);

    /* Try every source of a block, with one attempt each on the trail, and undo it. */
    void (*probe)(struct trampfd_trail *trail);
};

/* intact(), in_memory() and load() of providers with slots of code and records in memory. */
int tfd_provider_slot_intact(const struct tfd_block *block, unsigned index);
const void *tfd_provider_record_in_memory(const struct tfd_block *block, unsigned index,
                                          const union tfd_record *record);

int tfd_provider_load_from_memory(const struct tfd_block *block, unsigned index,
                                  union tfd_record *record);

extern const struct tfd_provider tfd_provider_table, tfd_provider_sealed, tfd_provider_trampfd,
    tfd_provider_trampfd_user;

/* By their numbers. */
extern const struct tfd_provider *const tfd_provider_list[TFD_PROVIDERS];

static inline const struct tfd_provider *tfd_provider_of(const struct tfd_block *block)
{
    return tfd_provider_list[block->provider % TFD_PROVIDERS];
}

/* Make a block of the table, whose records are not in one piece with those of others. */
int tfd_table_map_single(struct tfd_block *block, struct trampfd_trail *trail);

/* In the child of a fork, see base/lock.h. */
void tfd_table_in_child(int torn);

/* In the order to try them. */
struct tfd_providers {
    unsigned count;
    enum tfd_provider_number list[2];
};

/*
 * From now on, to the end of the process, the sealed one takes the place of the table.  Needs the
 * lock.  The other function tells whether that was asked for, here or by the environment.
 */
void tfd_providers_seal(void);
int tfd_providers_are_sealed(void);

/*
 * Those that TRAMPFD_PROVIDER (or TRAMPFD_BACKEND, its former name) asks for; auto: trampfd, then
 * table; or a single one by its name.  TRAMPFD_SEAL=1 does what tfd_providers_seal() does.  None,
 * with an attempt on the trail, for another name or value.  Needs the lock.
 */
struct tfd_providers tfd_providers_asked_for(struct trampfd_trail *trail);

/* Those of them that are present, or the last one if none is. */
struct tfd_providers tfd_providers_present(struct tfd_providers asked_for);

/*
 * Are records plain memory of the process?  Then the two functions below need no lock for a slot
 * that the caller owns.
 */
static inline int tfd_provider_is_plain(const struct tfd_block *block)
{
    return block->provider == TFD_PROVIDER_TABLE;
}

/* Store or disarm a record, without the detour by the provider where it is plain. */
static inline int tfd_provider_store(struct tfd_block *block, unsigned index,
                                     const union tfd_record *record)
{
    if (!tfd_provider_is_plain(block))
        return tfd_provider_of(block)->store(block, index, record);
    tfd_record_store(&block->records[index], record);
    return 0;
}

static inline int tfd_provider_disarm(struct tfd_block *block, unsigned index)
{
    if (!tfd_provider_is_plain(block))
        return tfd_provider_of(block)->disarm(block, index);
    __atomic_store_n(&block->records[index].go.entry, tfd_entry_dead, __ATOMIC_RELEASE);
    return 0;
}

#endif
