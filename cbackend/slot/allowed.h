/* SPDX-License-Identifier: MIT */
/*
 * The entries that a record may name; providers that can check records hold them to this list.
 * Like all that decides where calls may go it is read-only: constants, but for libffi's entries,
 * which are found when the library is loaded.
 */
#ifndef TFD_ALLOWED_H
#define TFD_ALLOWED_H

#include "record.h"

#define TFD_ALLOWED_MAX 256

/*
 * Entries of one size, one after the other.  `below_stack` says that they also work with a record
 * that lies in the 64 bytes below the stack pointer: they copy or keep it before they, or
 * anything they call, store there.
 */
struct tfd_entries {
    uintptr_t first;
    unsigned count, size;
    int below_stack;
};

/* Each is defined where its entries are used. */
extern const struct tfd_entries tfd_entries_dead, tfd_entries_plan, tfd_entries_bind,
    tfd_entries_context;
/* Not all libraries have nested functions, and closures that a libffi writes code for. */
extern const struct tfd_entries tfd_entries_chain __attribute__((weak, visibility("hidden"))),
    tfd_entries_foreign __attribute__((weak, visibility("hidden")));

/*
 * Add the entries of libffi, with no record below the stack pointer.  In a constructor, or under
 * the lock; the first that are found count.
 */
void tfd_allow_found(const uintptr_t *entries, unsigned count);

/* All of them, or those that say `below_stack` or not; returns how many. */
enum tfd_allowed { TFD_ALLOWED_ALL, TFD_ALLOWED_BELOW_STACK, TFD_ALLOWED_ELSEWHERE };
unsigned tfd_allowed_list(enum tfd_allowed which, uint64_t list[TFD_ALLOWED_MAX]);

int tfd_allowed_below_stack(tfd_entry *entry);

#endif
