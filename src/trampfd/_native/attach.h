/* SPDX-License-Identifier: MIT */
/* Attaching the calling thread, whoever made it, to the interpreter. */
#ifndef NATIVE_ATTACH_H
#define NATIVE_ATTACH_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

struct attachment {
    int was_attached;
    PyGILState_STATE state;
};

/*
 * Attach for the time of one callback.  Returns 0 when the interpreter does not run
 * (not yet, or not any more); nothing of it may be touched then, and detach() is
 * not called.  During finalisation a thread other than the finalising one is stopped
 * here by CPython, as its documentation of PyGILState_Ensure() says.
 */
int attach(struct attachment *attachment);
void detach(const struct attachment *attachment);

#endif
