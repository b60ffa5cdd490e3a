/* SPDX-License-Identifier: MIT */
/* Attaching the calling thread, whoever made it, to the interpreter. */
#ifndef NATIVE_ATTACH_H
#define NATIVE_ATTACH_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

/* What detach() has to undo. */
enum attachment {
    NOT_RUNNING,  /* the interpreter does not run: not yet, or not any more */
    WAS_ATTACHED,
    RESTORED,     /* this thread's state became the current one */
    STATE_MADE,   /* for this callback only: there was no memory to keep it */
};

/* The current state: of the whole process before CPython 3.12, of this thread since. */
static inline PyThreadState *attach_current(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return PyThreadState_GetUnchecked();
#else
    return _PyThreadState_UncheckedGet();
#endif
}

static inline int attach_is_attached(void)
{
    PyThreadState *current = attach_current();

#if PY_VERSION_HEX >= 0x030C0000
    return current != NULL;
#else
    return current && current == PyGILState_GetThisThreadState();
#endif
}

/* For a thread that is not attached. */
enum attachment attach_slowly(void);
void detach_slowly(enum attachment attachment);

/*
 * Attach for the time of one callback.  At NOT_RUNNING nothing of the interpreter may be
 * touched, and detach() is not called.  During finalisation a thread other than the
 * finalising one is stopped here by CPython, as its documentation of PyGILState_Ensure()
 * says.
 */
static inline enum attachment attach(void)
{
    return __builtin_expect(attach_is_attached(), 1) ? WAS_ATTACHED : attach_slowly();
}

static inline void detach(enum attachment attachment)
{
    if (__builtin_expect(attachment != WAS_ATTACHED, 0))
        detach_slowly(attachment);
}

#endif
