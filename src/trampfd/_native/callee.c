/* SPDX-License-Identifier: MIT */
#include "callee.h"

#include "interpreter.h"

#include <sched.h>

#define COUNTERS 64 /* a power of two */
#define LINE 64     /* bytes of a cache line */

/* Calls that are between a record and its references; each in a line of its own. */
static struct {
    _Alignas(LINE) atomic_uint calls;
} between[COUNTERS];

/* Both a Closure and a target are larger than 16 bytes. */
static atomic_uint *counter_of(const void *user_data)
{
    return &between[((uintptr_t)user_data >> 5) % COUNTERS].calls;
}

void callee_wait(const void *user_data)
{
    if (!COMPAT_FREE_THREADED)
        return;
    /* After this either the call has read what the caller stored before, or its count is read. */
    atomic_thread_fence(memory_order_seq_cst);
    while (atomic_load(counter_of(user_data)))
        sched_yield();
}

/* A fork is not made in between. */
void callee_in_child(void)
{
    for (size_t i = 0; i < COUNTERS; i++)
        atomic_store(&between[i].calls, 0);
}

/* In between: the references, of which each may be NULL. */
static struct callee take(void *user_data)
{
    Closure *closure = callee_of(user_data);
    struct callee callee = {NULL, NULL};

    if (closure && compat_try_reference((PyObject *)closure)) {
        callee.closure = closure;
        callee.callable = closure_callable(closure);
        Py_XINCREF(callee.callable);
    }
    return callee;
}

static int is_ending(const void *user_data)
{
    return interpreter_is_ending(
        target_is(user_data) ? atomic_load(&target_of(user_data)->interpreter) : &interpreter_main);
}

int callee_hold_shared(struct callee *callee, const union tfd_record *record, uintptr_t second,
                       void *user_data)
{
    atomic_uint *counter = counter_of(user_data);

    *callee = (struct callee){NULL, NULL};
    atomic_fetch_add(counter, 1);
    if (tfd_closure_is_live(record, second, user_data))
        *callee = take(user_data);
    atomic_fetch_sub(counter, 1);
    if (__builtin_expect(callee->callable != NULL, 1))
        return 1;
    Py_XDECREF(callee->closure);
    while (!is_ending(user_data)) { /* then whoever drops it is about to free the record */
        if (!tfd_closure_is_live(record, second, user_data))
            tfd_closure_died(record);
        sched_yield();
    }
    return 0;
}

PyObject *callee_callable(Closure *closure)
{
    atomic_uint *counter = counter_of(closure_user_data(closure));
    PyObject *callable;

    atomic_fetch_add(counter, 1);
    callable = closure_callable(closure);
    Py_XINCREF(callable);
    atomic_fetch_sub(counter, 1);
    return callable;
}
