/* SPDX-License-Identifier: MIT */
/*
 * What a call holds of its closure: references to the Closure and to its callable.
 *
 * A call finds the Closure through a record, which holds no reference.  With the GIL nobody drops it
 * between that and taking one.  Without the GIL another thread may, so each call announces that it
 * is in between, in a counter that it shares with few other closures, and whoever drops a Closure, or
 * takes the callable from it, waits until the counter is zero before it releases either.  Nothing in
 * between waits for anything, so that this takes no longer than a few instructions or, where the
 * thread is preempted, a turn of the scheduler.
 */
#ifndef NATIVE_CALLEE_H
#define NATIVE_CALLEE_H

#include "target.h"

#include <closure/closure.h>

struct callee {
    Closure *closure;
    PyObject *callable; /* with the GIL borrowed: it is not taken from a Closure in use */
};

/* The Closure of a record's user data, if it still has its callable; or NULL. */
static inline Closure *callee_of(void *user_data)
{
    Closure *closure =
        target_is(user_data) ? atomic_load(&target_of(user_data)->closure) : user_data;

    return closure && closure_callable(closure) ? closure : NULL;
}

/* callee_hold() without the GIL. */
int callee_hold_shared(struct callee *callee, const union tfd_record *record, uintptr_t second,
                       void *user_data);

/*
 * Attached, once tfd_closure_is_live() has said so of the record, which had this second word and
 * this user data.  Returns 0, with nothing held, if Python has dropped the closure at the end of its
 * interpreter.  If it was freed meanwhile, prints a message and aborts.
 */
static inline int callee_hold(struct callee *callee, const union tfd_record *record,
                              uintptr_t second, void *user_data)
{
    if (COMPAT_FREE_THREADED)
        return callee_hold_shared(callee, record, second, user_data);
    callee->closure = callee_of(user_data);
    if (__builtin_expect(!callee->closure, 0))
        return 0;
    callee->callable = closure_callable(callee->closure);
    Py_INCREF(callee->closure);
    return 1;
}

static inline void callee_release(struct callee *callee)
{
    if (COMPAT_FREE_THREADED)
        Py_DECREF(callee->callable);
    Py_DECREF(callee->closure);
}

/* A new reference to the callable of a Closure that the caller refers to; NULL if it has none. */
PyObject *callee_callable(Closure *closure);

/* Before what a Closure with this user data, or the Closure itself, is released: see above. */
void callee_wait(const void *user_data);

/* In the child of a fork: calls of the other threads never go on. */
void callee_in_child(void);

#endif
