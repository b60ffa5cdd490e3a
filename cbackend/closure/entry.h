/* SPDX-License-Identifier: MIT */
/* Entries: how a call goes on after the slot. */
#ifndef TFD_ENTRY_H
#define TFD_ENTRY_H

#include "plan.h"

/*
 * Set the entry words of a record whose cif, fun and user_data are set, so that
 * libffi marshals the call.  Returns 0, or -ENOTSUP when libffi has no Go closures
 * for the cif's ABI.
 */
int tfd_entry_libffi_set(union tfd_record *record);

/* The same; with another dispatch than tfd_plan_call `fun` gets the record for the user data. */
int tfd_entry_libffi_set_for(union tfd_record *record, tfd_dispatch *dispatch);

/* Register the entries of libffi.  When the library is loaded; or, where libffi comes later, under
   the lock. */
void tfd_entry_libffi_allow(void);

/*
 * The same with a plan, whose reference the record then holds, and with what the plan's
 * entry calls (tfd_plan_call or a dispatch of the same kind).  Returns 0 when there is no
 * plan for the cif; the record is as it was then.  The second function is for who has the lock.
 */
int tfd_entry_plan_set(union tfd_record *record, tfd_dispatch *dispatch);
int tfd_entry_plan_set_locked(union tfd_record *record, tfd_dispatch *dispatch);

/*
 * Set the entry words by a plan, or else for libffi; tfd_entry_plan_of() tells which it was.
 * Returns 0 or -ENOTSUP.
 */
int tfd_entry_set(union tfd_record *record, tfd_dispatch *dispatch);

/* The plan that a record holds a reference to, or NULL. */
const struct tfd_plan *tfd_entry_plan_of(const union tfd_record *record);

#endif
