/* SPDX-License-Identifier: MIT */
/* What the language bindings need beyond the public interface. */
#ifndef TFD_CLOSURE_H
#define TFD_CLOSURE_H

#include "plan.h"
#include "trampfd.h"

/*
 * trampfd_closure_prep() with a dispatch of the caller's for signatures that have a plan;
 * `fun` serves the others, and gets the record where it would get the user data.
 */
int tfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun, void *user_data,
                     tfd_dispatch *dispatch);

/*
 * For a call of such a closure that has waited on its way in, while the closure may have been
 * freed: is the record still the one whose second word and user data were these?
 */
int tfd_closure_is_live(const union tfd_record *record, uintptr_t second, const void *user_data);

/* If it is not: say so and abort. */
_Noreturn void tfd_closure_died(const union tfd_record *record);

/* trampfd_closure_verify() for a closure that was prepared with a dispatch of the caller's. */
int tfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                       tfd_dispatch *dispatch, struct trampfd_verdict *verdict);

/*
 * Is this the writable address of a closure, or the function pointer of one, that this library
 * made (be it freed by now)?  Any readable address may be asked.
 */
int tfd_closure_owns(const void *address);

#endif
