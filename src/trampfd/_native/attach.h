/* SPDX-License-Identifier: MIT */
/* Attaching any calling thread to the interpreter. */
#ifndef NATIVE_ATTACH_H
#define NATIVE_ATTACH_H

#include "compat.h"

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
};

/* How long objects that Python code leaves in the state of a thread not made by Python are kept. */
enum leftovers {
    GO_AFTER_CALL,   /* as with ctypes, which makes a state for each callback */
    STAY_WITH_THREAD /* as with cffi, which keeps one state for each thread */
};

static inline int attach_is_attached(void)
{
    return compat_is_of_this_thread(PyThreadState_GetUnchecked());
}

/* For a thread that is not attached; both preserve errno. */
enum attachment attach_slow(enum leftovers leftovers);
void detach_slow(enum attachment attachment);

/*
 * Attach for the duration of one callback.  If that is REFUSED the interpreter must not be used,
 * and detach() is not called.  Waits for the interpreter's lock: anything that another thread can
 * free while it holds that lock must be checked again afterwards.
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

/* Once for each time that the interpreter starts: 0, or -1 with an exception. */
int attach_init(void);

#endif
