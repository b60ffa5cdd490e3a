/* SPDX-License-Identifier: MIT */
/*
 * The entries that a record may name; providers that can check records enforce this list.  Like
 * everything that decides where calls may go, it is read-only: constants, except for libffi's
 * entries, which are found when the library is loaded.
 */
#ifndef TFD_ALLOWED_H
#define TFD_ALLOWED_H

#include "record.h"

#define TFD_ALLOWED_MAX 256

/*
 * Consecutive entries of one size.  If `below_stack` is set, they also work with a record that lies
 * in the 64 bytes below the stack pointer: they copy or protect it before they, or anything they
 * call, store there.
 */
struct tfd_entries {
    uintptr_t first;
    unsigned count, size;
    int below_stack;
};

static inline int tfd_entries_have(const struct tfd_entries *entries, tfd_entry *entry)
{
    return (uintptr_t)entry - entries->first < (uintptr_t)entries->count * entries->size;
}

/* Each is defined in the file that uses its entries. */
extern const struct tfd_entries tfd_entries_dead, tfd_entries_plan, tfd_entries_bind,
    tfd_entries_context;
/* Only some libraries have nested functions, and closures that a libffi writes code for. */
extern const struct tfd_entries tfd_entries_chain __attribute__((weak, visibility("hidden"))),
    tfd_entries_foreign __attribute__((weak, visibility("hidden")));

/*
 * Add the entries of libffi, which need a record that is not below the stack pointer.  Must be
 * called in a constructor or under the lock; only the first call has an effect.
 */
void tfd_allow_found(const uintptr_t *entries, unsigned count);

/* Is it one of those? */
int tfd_allowed_is_found(tfd_entry *entry);

/* All of them, or those with or without `below_stack`; returns their number. */
enum tfd_allowed { TFD_ALLOWED_ALL, TFD_ALLOWED_BELOW_STACK, TFD_ALLOWED_ELSEWHERE };
unsigned tfd_allowed_list(enum tfd_allowed which, uint64_t list[TFD_ALLOWED_MAX]);

int tfd_allowed_below_stack(tfd_entry *entry);

#endif
