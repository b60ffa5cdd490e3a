/* SPDX-License-Identifier: MIT */
/*
 * Calls in which another interpreter than the main one is involved: closures of subinterpreters from
 * any thread, and those of the main interpreter while a subinterpreter is current in the thread.
 * Each runs in the interpreter that made it; what the thread was attached to is current again
 * afterwards.
 *
 * A thread uses the state that it already has of that interpreter.  Otherwise one is made, and kept:
 * see kept.h.
 *
 * At the end of a subinterpreter its exit function waits for the calls that other threads are making
 * into it, as CPython waits for threads of threading; later ones are refused.
 */
#ifndef NATIVE_VISIT_H
#define NATIVE_VISIT_H

#include "attach.h"
#include "callee.h"

struct visit {
    struct interpreter *interpreter;
    PyThreadState *interrupted; /* what the thread was attached to; NULL for none */
    PyThreadState *bound;       /* what CPython took for the state of the thread; NULL for none */
    PyThreadState *swapped;     /* what was attached before the thread's own state; or NULL */
    enum attachment attachment;
};

/*
 * Attach to the interpreter of a closure and hold the callee, to call and then visit_end().  Returns
 * 0, with neither done, if the error value is stored.
 */
int visit_begin(struct visit *visit, struct callee *callee, const union tfd_record *record,
                void *result, enum leftovers leftovers);
void visit_end(struct visit *visit, struct callee *callee);

/* The state that this thread is attached to, of any interpreter; NULL if there is none. */
PyThreadState *visit_current(void);

/* Before any callback. */
void visit_init(void);

/* At the end of a subinterpreter, and in the child of a fork. */
void visit_end_all(struct interpreter *interpreter);
void visit_in_child(void);

#endif
