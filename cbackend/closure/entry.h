/* SPDX-License-Identifier: MIT */
/* Entries: the code that slots jump to. */
#ifndef TFD_ENTRY_H
#define TFD_ENTRY_H

#include "plan.h"
#include "slot/allowed.h"

/*
 * Set the entry words of a record whose cif, fun and user_data are set, so that
 * libffi marshals the call.  Returns 0, or -ENOTSUP if libffi has no Go closures for the cif's
 * ABI.
 */
int tfd_entry_libffi_set(union tfd_record *record);

/*
 * The same; with a dispatch other than tfd_plan_call, `fun` gets the record instead of user data.
 */
int tfd_entry_libffi_set_for(union tfd_record *record, tfd_dispatch *dispatch);

/* Does the record have the handler that one of them sets? */
int tfd_entry_libffi_has_handler(const union tfd_record *record);

/*
 * Register the entries of libffi.  Must be called when the library is loaded, or under the lock if
 * libffi is found later.
 */
void tfd_entry_libffi_allow(void);

/*
 * The same for a plan, whose reference the record then holds, and for the function that the plan's
 * entry calls (tfd_plan_call or a similar dispatch).  Returns 0, with the record unchanged, if
 * there is no plan for the cif.  For callers that are inside.  The second function takes a plan that
 * the caller has.
 */
int tfd_entry_plan_set_inside(union tfd_record *record, tfd_dispatch *dispatch);
void tfd_entry_plan_set_to(union tfd_record *record, tfd_dispatch *dispatch,
                           const struct tfd_plan *plan);

/* The plan that a record holds a reference to, or NULL. */
static inline const struct tfd_plan *tfd_entry_plan_of(const union tfd_record *record)
{
    return tfd_entries_have(&tfd_entries_plan, record->go.entry) ? record->plan.plan : NULL;
}

#endif
