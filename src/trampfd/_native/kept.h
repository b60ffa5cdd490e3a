/* SPDX-License-Identifier: MIT */
/*
 * A thread that Python did not create has no thread state.  PyGILState_Ensure() would make one and
 * the matching release destroy it, which takes microseconds at each callback.  Here the state that
 * the first callback made is kept for the next one: one for each thread and interpreter.
 *
 * Objects that Python code leaves in the state (values of threading.local, context variables, trace
 * functions) must not exist longer than with ctypes and cffi.  ctypes destroys the state, and runs
 * the destructors of these objects, at the end of each callback; so does kept_leave(), unless the
 * state is still empty.  cffi keeps the state as long as the thread.
 *
 * When the thread ends its state must be destroyed, too, but not by the ending thread: that would
 * need the interpreter's lock, whose owner may be waiting for this thread to end.  So the ending
 * thread puts the state on a list (with a lock-free push), and the next thread that makes a state
 * of that interpreter destroys those on the list, as in cffi.  Other threads do not: destructors
 * would run between two statements of a program that may hold a lock which they need.
 *
 * The interpreter may destroy a kept state itself: at finalization, and in the child of a fork.  A
 * capsule in the state's dictionary detects that.
 *
 * Free-threaded builds keep nothing: destroying the state of another thread is not safe there while
 * threads run.
 */
#ifndef NATIVE_KEPT_H
#define NATIVE_KEPT_H

#include "attach.h"
#include "interpreter.h"

/* Before any callback. */
void kept_init(void);

/* The state that is kept for this thread and that interpreter; NULL if there is none. */
PyThreadState *kept_state(const struct interpreter *interpreter);

/* Is that one kept for some thread?  Needs the interpreter's lock. */
int kept_is(const PyThreadState *state);

/* Keep the state that this thread is attached to.  Returns 0 if there is no memory for that. */
int kept_keep(struct interpreter *interpreter);

/* Attached: a callback begins.  Returns whether kept_leave() must be called at its end. */
int kept_enter(const struct interpreter *interpreter, const PyThreadState *state,
               enum leftovers leftovers);

/*
 * A callback ends.  Returns 1 if that destroyed the state, and so detached from it.  The callback
 * counts until then, because destructors may lead to other callbacks.
 */
int kept_leave(const struct interpreter *interpreter);

/* Attached: destroy the states of ended threads, or, at the end of the interpreter, of all. */
void kept_reap(struct interpreter *interpreter);
void kept_destroy_all(struct interpreter *interpreter);

#endif
