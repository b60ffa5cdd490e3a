/* SPDX-License-Identifier: MIT */
/* All slots of the process: handing them out, taking them back, finding them. */
#ifndef TFD_POOL_H
#define TFD_POOL_H

#include "slot.h"

/*
 * Functions whose name ends in "_locked" need the lock; the others take it, and return -EDEADLK
 * where a signal handler interrupted whoever has it in the same thread.  tfd_pool_find_*() need
 * none for the address of a slot that the caller owns; for any other address they need it, as
 * another thread may give back the block.
 */

/*
 * Hand out a slot whose entry is dead, with that state; the other words of its record are as they
 * were when it was freed.  Returns 0 or a negative errno; `trail` (never NULL) tells what was
 * tried.  No system call unless a block has to be made.
 */
int tfd_pool_take(struct tfd_slot *slot, uintptr_t state, struct trampfd_trail *trail);

/* The same with that record stored in the slot. */
int tfd_pool_make(struct tfd_slot *slot, uintptr_t state, union tfd_record *record,
                  struct trampfd_trail *trail);
int tfd_pool_make_locked(struct tfd_slot *slot, uintptr_t state, union tfd_record *record,
                         struct trampfd_trail *trail);

/* tfd_lock_checked() for who may be the first to use the library; the trail tells what failed. */
int tfd_pool_lock(struct trampfd_trail *trail);

enum tfd_holds { TFD_HOLDS_NOTHING, TFD_HOLDS_PLAN };

/*
 * Take a slot back: its entry becomes dead, and reports call it `name` (or nothing, if NULL or
 * without memory for it).  What the record `holds` it keeps for calls that are on their way in;
 * tfd_pool_let_go is called once the slot is handed out again or its block given back.  Returns
 * 0, or -EINVAL when the slot is free already, -EDEADLK (see lock.h), or the provider's error (the
 * slot stays used then).
 */
int tfd_pool_give(struct tfd_slot slot, const char *name, enum tfd_holds holds);
int tfd_pool_give_locked(struct tfd_slot slot, const char *name, enum tfd_holds holds);

/* Of closure/plan.c: give up the plan of a dead record, with the lock held. */
void tfd_pool_let_go(const union tfd_record *record);

/* Store a record, whose state word is filled in, in a slot that the caller owns. */
int tfd_pool_store(struct tfd_slot slot, union tfd_record *record);
int tfd_pool_store_locked(struct tfd_slot slot, union tfd_record *record);

/* Does the address lie in the code or the records of a block?  Takes no lock. */
int tfd_pool_has(const void *address);

/* The slot whose code, or whose record as programs see it, starts at the address; or -ENOENT. */
int tfd_pool_find_code(const void *code, struct tfd_slot *slot);
int tfd_pool_find_closure(const void *closure, struct tfd_slot *slot);

/* The slot that reads the record at the address; or -ENOENT. */
int tfd_pool_find_record(const union tfd_record *record, struct tfd_slot *slot);

/* In the child of a fork, see base/lock.h. */
void tfd_pool_in_child(int torn);

/* Fill in all of a status that the pool knows. */
void tfd_pool_status(struct trampfd_status *status);

#endif
