/* SPDX-License-Identifier: MIT */
/* Bound functions that need no marshalling: entries that shift argument registers and jump. */
#ifndef TFD_BIND_H
#define TFD_BIND_H

#include "closure/plan.h"
#include "trampfd.h"

/*
 * Of the port: the entry that puts a record's user_data in the place of the first or last
 * argument of the plan's signature, and jumps to the record's function.  NULL when that takes
 * more than registers.  The plan is that of the function with all its arguments.
 */
tfd_entry *tfd_port_bind_entry(const struct tfd_plan *plan, enum trampfd_position position);

/* Of the port: is this one of the entries that tfd_port_bind_entry() gives? */
int tfd_port_is_bind_entry(tfd_entry *entry);

/* Of the port: is this a signature that ffi_call() passes other arguments for than it is given? */
int tfd_port_libffi_garbles(const struct tfd_plan *plan);

#endif
