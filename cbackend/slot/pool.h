/* SPDX-License-Identifier: MIT */
/* All slots of the process: allocating, freeing and finding them. */
#ifndef TFD_POOL_H
#define TFD_POOL_H

#include "base/lock.h"
#include "index.h"
#include "slot.h"

/*
 * Functions whose name ends in "_locked" need the lock.  Those in "_inside", in magazine.c, need a
 * thread that is inside without the lock, which they take if the thread's magazine does not do.
 * The others enter, and return -EDEADLK in a signal handler that interrupted the same thread
 * inside.  tfd_pool_find_*() need nothing for the address of a slot that the caller owns; for any
 * other address they need the lock, because another thread may unmap the block.
 */

/*
 * Allocate a slot whose entry is dead, with that state; the other words of its record are as they
 * were when it was freed.  If there is none, the attempts are on `trail`, unless that is NULL.
 * Makes no system call unless a block is needed.
 */
struct tfd_slot tfd_pool_take(uintptr_t state, struct trampfd_trail *trail);
struct tfd_slot tfd_pool_take_inside(uintptr_t state, struct trampfd_trail *trail);
struct tfd_slot tfd_pool_take_locked(uintptr_t state, struct trampfd_trail *trail);

/*
 * Allocate up to `most` of them, all in one block, and no more than a small share of what it has
 * left.  Returns their number, or a negative errno.
 */
int tfd_pool_draw_locked(uintptr_t state, struct tfd_slot *slots, unsigned most,
                         struct trampfd_trail *trail);

/* Allocate one with that record stored in it. */
struct tfd_slot tfd_pool_make(uintptr_t state, union tfd_record *record,
                              struct trampfd_trail *trail);
struct tfd_slot tfd_pool_make_inside(uintptr_t state, union tfd_record *record,
                                     struct trampfd_trail *trail);

/*
 * Map blocks ahead and keep them, so that slots for `count` more closures than live now are taken
 * and given without a system call; 0 ends that.  Returns 0, or a negative errno with what failed on
 * the trail, and then what was reserved before stays so.
 */
int tfd_pool_reserve_locked(size_t count, struct trampfd_trail *trail);
int tfd_pool_is_reserved_locked(void);

/* Ends the process: the record of a slot that was to be handed out is not as it was left. */
_Noreturn void tfd_pool_overwritten(struct tfd_slot slot);

/* The rest of tfd_pool_enter(): puts what failed on the trail, and returns a negative errno. */
int tfd_pool_not_entered(struct trampfd_trail *trail, int error);

/* tfd_enter() for who may be the first to use the library; the trail tells what failed. */
static inline int tfd_pool_enter(struct trampfd_trail *trail)
{
    int error = tfd_lock_init();

    if (!error)
        error = tfd_enter();
    return __builtin_expect(error, 0) ? tfd_pool_not_entered(trail, error) : 0;
}

enum tfd_holds { TFD_HOLDS_NOTHING, TFD_HOLDS_PLAN };

/*
 * Free a slot: its entry becomes dead, and messages call it `name` (or nothing, if that is NULL or
 * there is no memory for it).  The record keeps what it `holds` for calls that have passed the slot
 * already; tfd_pool_let_go is called before the slot is reused or its block is unmapped.  Returns
 * 0, or -EINVAL if the slot is already free, -EDEADLK (see lock.h), or the provider's error (the
 * slot stays in use then).
 */
int tfd_pool_give(struct tfd_slot slot, const char *name, enum tfd_holds holds);
int tfd_pool_give_inside(struct tfd_slot slot, const char *name, enum tfd_holds holds);
int tfd_pool_give_locked(struct tfd_slot slot, const char *name, enum tfd_holds holds);

/*
 * Take back a slot from a magazine: its state, TFD_STATE_KEPT, tells what the record holds.  Before
 * that, the first function makes its block the one whose slots are being changed: in the child of a
 * fork those slots of it that are kept in no magazine are free.
 */
void tfd_pool_change_locked(struct tfd_block *block);
void tfd_pool_return_locked(struct tfd_slot slot);

/* In closure/plan_cache.c: release the plan of a dead record, with the lock held. */
void tfd_pool_let_go(const union tfd_record *record);

/*
 * In magazine.c, which is above the pool.  Is the slot in the magazine of the calling thread, which
 * may have been interrupted in a change?
 */
int tfd_magazine_has(const struct tfd_block *block, size_t index);

/* Slots in all magazines: exact, if no other thread is about to make or to free a closure. */
size_t tfd_magazines_kept_locked(void);

/* Make some for threads that have none yet; and the most slots that all can keep with those. */
void tfd_magazines_make_locked(void);
size_t tfd_magazines_most_locked(void);

/* In the child of a fork: what the other threads had is given back when the lock is taken next. */
void tfd_magazines_in_child(void);
void tfd_magazines_collect_locked(void);

/* Store a record, whose state word is filled in, in a slot that the caller owns. */
int tfd_pool_store(struct tfd_slot slot, union tfd_record *record);
int tfd_pool_store_inside(struct tfd_slot slot, union tfd_record *record);
int tfd_pool_store_locked(struct tfd_slot slot, union tfd_record *record);

/* Does the address lie in the code or the records of a block?  Takes no lock. */
int tfd_pool_has(const void *address);

/* The slot whose code starts at the address, or that reads the record at the address; or ENOENT. */
struct tfd_slot tfd_pool_find_code(const void *code);
struct tfd_slot tfd_pool_find_record(const union tfd_record *record);

/* The slot whose record, as programs see it, starts at the address; or ENOENT. */
static inline struct tfd_slot tfd_pool_find_closure(const void *closure)
{
    struct tfd_block *block = tfd_index_find(closure);

    return tfd_slot_at(block, block ? tfd_block_index_in(block->shadow, closure) : -1);
}

/* Call `visit` for each slot that is in use, until it returns an error; returns that, or 0. */
int tfd_pool_each_locked(int (*visit)(struct tfd_slot slot, void *data), void *data);

/* In the child of a fork, see base/lock.h. */
void tfd_pool_in_child(int torn);

/* Fill in the fields of a status that the pool knows. */
void tfd_pool_status(struct trampfd_status *status);

#endif
