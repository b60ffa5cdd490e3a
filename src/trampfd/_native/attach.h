/* SPDX-License-Identifier: MIT */
/* Attaching the calling thread, whoever made it, to the interpreter. */
#ifndef NATIVE_ATTACH_H
#define NATIVE_ATTACH_H

#include "compat.h"

/* Not on the way of an ordinary call: apart from the code that is. */
#define COLD __attribute__((cold))

/* What detach() has to undo. */
enum attachment {
    REFUSED, /* the interpreter does not run, or no longer in this thread */
    WAS_ATTACHED,
    RESTORED,   /* this thread's state became the current one */
    KEPT,       /* the same, of a state that was made here for such a thread */
    STATE_MADE, /* for this callback only */
};

/* What becomes of what Python code leaves in the state of a thread that Python did not make. */
enum leftovers {
    GO_AFTER_CALL,   /* as with ctypes, which makes a state for each callback */
    STAY_WITH_THREAD /* as with cffi, which keeps one state for each thread */
};

static inline int attach_is_attached(void)
{
    return compat_is_of_this_thread(PyThreadState_GetUnchecked());
}

/* For a thread that is not attached; both leave errno as it is. */
enum attachment attach_slow(enum leftovers leftovers);
void detach_slow(enum attachment attachment);

/*
 * Attach for the time of one callback.  Where that is REFUSED nothing of the interpreter may
 * be touched, and detach() is not called.  Waits for the interpreter's lock: what another
 * thread can free while it holds that lock has to be looked at again afterwards.
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
