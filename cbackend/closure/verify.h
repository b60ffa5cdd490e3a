/* SPDX-License-Identifier: MIT */
/* Comparing what a provider holds with what was asked for. */
#ifndef TFD_VERIFY_H
#define TFD_VERIFY_H

#include "slot/record.h"
#include "trampfd.h"

/* The words of a record that closures use. */
#define TFD_VERIFY_WORDS (offsetof(union tfd_record, owner.state) / sizeof(uintptr_t))

/*
 * Compare the record of a slot, and the slot's code, with `wanted`.  names[i] is the name of
 * word i, NULL if the entry does not read it.  Errors as trampfd_closure_verify().
 */
int tfd_verify_record(const void *code, const union tfd_record *wanted,
                      const char *const names[TFD_VERIFY_WORDS], struct trampfd_report *report);

/* In the extension only: is it a dispatch of cffi's or ctypes's closures? */
int tfd_dispatch_is_known(tfd_dispatch *dispatch) __attribute__((weak, visibility("hidden")));

/* Append what differs between two plans of a signature, as far as calls read it. */
struct tfd_plan;
void tfd_compare_plans(struct trampfd_report *report, const struct tfd_plan *wanted,
                       const struct tfd_plan *found);

#endif
