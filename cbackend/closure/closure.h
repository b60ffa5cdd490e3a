/* SPDX-License-Identifier: MIT */
/* Functions for the language bindings beyond the public interface. */
#ifndef TFD_CLOSURE_H
#define TFD_CLOSURE_H

#include "plan.h"
#include "slot/slot.h"
#include "trampfd.h"

/* trampfd_closure_alloc() that returns the slot or the error; and what that would return. */
struct tfd_slot tfd_closure_new(size_t size, struct trampfd_trail *trail);
void *tfd_closure_memory(struct tfd_slot slot);

/*
 * Both in one, for a closure of no more than ffi_closure: the thread enters once where there is a
 * plan.  0 with *closure and *code; or a negative errno: of the trail, if that is not empty, else
 * of tfd_closure_prep().
 */
int tfd_closure_make(const ffi_closure *wanted, tfd_dispatch *dispatch, void **closure, void **code,
                     struct trampfd_trail *trail);

/*
 * trampfd_closure_prep() with a dispatch of the caller's for signatures that have a plan; `fun` is
 * called for the others, with the record instead of the user data.  Later stores of the program in
 * the memory of a closure have no effect.
 */
int tfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun, void *user_data,
                     tfd_dispatch *dispatch);

/*
 * The slot of a live closure, given its writable address, and its function pointer; none and NULL
 * for anything else.
 */
struct tfd_slot tfd_closure_slot(const void *closure);
void *tfd_closure_code(const void *closure);

/*
 * For a call of such a closure that had to wait before it reached Python, while the closure may
 * have been freed: does the record still have this second word and this user data?
 */
int tfd_closure_is_live(const union tfd_record *record, uintptr_t second, const void *user_data);

/* If it does not: print a message and abort. */
_Noreturn void tfd_closure_died(const union tfd_record *record);

/*
 * trampfd_closure_free_named() that returns -ENOENT if the address is not a live closure, and
 * -EPERM if the closure is permanent; and the message that ends the process in these cases.
 */
int tfd_closure_free(void *closure, const char *name);
_Noreturn void tfd_closure_free_refused(const void *closure);

/*
 * The memory of a closure that trampfd_closure_prep() prepared to read what to call there at each
 * call; otherwise NULL.
 */
const ffi_closure *tfd_closure_live_memory(const void *code);

/* trampfd_closure_verify() for a closure that was prepared with a dispatch of the caller's. */
int tfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                       tfd_dispatch *dispatch, struct trampfd_report *report);

#endif
