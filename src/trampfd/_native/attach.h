/* SPDX-License-Identifier: MIT */
/* Attaching any calling thread to the main interpreter; see visit.h for others. */
#ifndef NATIVE_ATTACH_H
#define NATIVE_ATTACH_H

#include "interpreter.h"

/* Code that ordinary calls do not run is placed apart from the code that they run: HOT functions
   contain whatever they call that is not COLD, where the compiler can see it. */
#define COLD __attribute__((cold, noinline))
#define HOT __attribute__((hot, flatten))

/* What detach() must undo. */
enum attachment {
    REFUSED, /* the interpreter does not run, or no longer in this thread */
    WAS_ATTACHED,
    RESTORED,   /* this thread's state became the current one */
    KEPT,       /* the same, of a state that was made here for such a thread */
    STATE_MADE, /* for this callback only */
    ELSEWHERE,  /* not attached: another interpreter is involved, visit() has to do it */
};

/* How long objects that Python code leaves in the state of a thread not made by Python are kept. */
enum leftovers {
    GO_AFTER_CALL,   /* as with ctypes, which makes a state for each callback */
    STAY_WITH_THREAD /* as with cffi, which keeps one state for each thread */
};

static inline int attach_is_attached(void)
{
    const PyThreadState *current = PyThreadState_GetUnchecked();

    return compat_is_of_this_thread(current)
           && current->interp
                  == atomic_load_explicit(&interpreter_main.state, memory_order_relaxed);
}

/* For a thread that is not attached; both preserve errno. */
enum attachment attach_slow(enum leftovers leftovers);
void detach_slow(enum attachment attachment);

/*
 * Attach for the duration of one callback.  If that is REFUSED the interpreter must not be used,
 * and detach() is not called; nor if it is ELSEWHERE.  Waits for the interpreter's lock: anything
 * that another thread can free while it holds that lock must be checked again afterwards.
 */
static inline enum attachment attach(enum leftovers leftovers)
{
    return __builtin_expect(attach_is_attached(), 1) ? WAS_ATTACHED : attach_slow(leftovers);
}

static inline void detach(enum attachment attachment)
{
    if (__builtin_expect(attachment != WAS_ATTACHED, 0))
        detach_slow(attachment);
}

/*
 * In a thread without a state of the interpreter: makes one and attaches, as PyGILState_Ensure() does
 * for the main one.  Returns 0, not attached, if finalization has begun in the meantime.
 *
 * PyGILState_Ensure() itself is not safe here.  When CPython begins to finalize, it marks the states
 * that exist, so that their threads never attach again.  A state that is made later is not marked:
 * since CPython 3.14 its thread would attach when the interpreter is half destroyed.  So may_run()
 * is asked again once the state exists.  If it still agrees, CPython will find the state and mark
 * it.  If not, the thread must not touch the state: the interpreter destroys it, after it has waited
 * for the threads that are still making one.
 *
 * What remains, as with PyGILState_Ensure(): CPython destroys the states of other threads as soon
 * as finalization has begun, which may be between two instructions of PyThreadState_New().
 */
int attach_new_state(const struct interpreter *interpreter);

/* Once for each time that an interpreter imports the module: 0, or -1 with an exception. */
int attach_init(void);

/* Once the main interpreter finalizes: wait for threads that still make a state. */
void attach_wait_for_states(void);

/* Does this thread run Python code of the interpreter until that is gone? */
int attach_is_finalizer(const struct interpreter *interpreter);

#endif
