/* SPDX-License-Identifier: MIT */
/* What the language bindings need beyond the public interface. */
#ifndef TFD_CLOSURE_H
#define TFD_CLOSURE_H

#include "plan.h"
#include "slot/slot.h"
#include "trampfd.h"

/* trampfd_closure_alloc() that tells the slot. */
void *tfd_closure_new(size_t size, struct tfd_slot *slot, struct trampfd_trail *trail);

/*
 * Both in one, for a closure of no more than ffi_closure: with one visit to the lock where there is
 * a plan.  0 with *closure and *code; or a negative errno: of the trail, if that is not empty, else
 * of tfd_closure_prep().
 */
int tfd_closure_make(const ffi_closure *wanted, tfd_dispatch *dispatch, void **closure, void **code,
                     struct trampfd_trail *trail);

/*
 * trampfd_closure_prep() with a dispatch of the caller's for signatures that have a plan;
 * `fun` serves the others, and gets the record where it would get the user data.  What the program
 * stores in a closure of its own memory later does not count.
 */
int tfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun, void *user_data,
                     tfd_dispatch *dispatch);

/* The function pointer of a live closure, given its writable address; NULL for anything else. */
void *tfd_closure_code(const void *closure);

/*
 * For a call of such a closure that has waited on its way in, while the closure may have been
 * freed: is the record still the one whose second word and user data were these?
 */
int tfd_closure_is_live(const union tfd_record *record, uintptr_t second, const void *user_data);

/* If it is not: say so and abort. */
_Noreturn void tfd_closure_died(const union tfd_record *record);

/*
 * trampfd_closure_free_named() that returns -ENOENT for what is not a live closure; and what that
 * does with it then.
 */
int tfd_closure_free(void *closure, const char *name);
_Noreturn void tfd_closure_free_refused(const void *closure);

/*
 * The memory of a closure that trampfd_closure_prep() prepared to call what it finds there at each
 * call; else NULL.
 */
const ffi_closure *tfd_closure_live_memory(const void *code);

/* trampfd_closure_verify() for a closure that was prepared with a dispatch of the caller's. */
int tfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                       tfd_dispatch *dispatch, struct trampfd_report *report);

#endif
