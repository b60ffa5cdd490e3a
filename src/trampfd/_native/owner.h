/* SPDX-License-Identifier: MIT */
/* Owners of closures. */
#ifndef NATIVE_OWNER_H
#define NATIVE_OWNER_H

#include "attach.h"
#include "signature.h"

#include <trampfd.h>

/*
 * A callback: the closure and what it calls.  Fields never change, but for `closure`, and for
 * what goes when the interpreter drops the callback at its end, see closure.c.
 */
typedef struct {
    PyObject_HEAD
    Signature *signature;
    PyObject *callable;  /* NULL once it is dropped */
    PyObject *onerror;   /* cffi only; NULL for none */
    PyObject *error;     /* cffi only; bytes to return after an exception */
    void *closure;       /* NULL once it is freed */
    void *code;          /* what the buffer protocol shows: the function pointer */
    char name[40];       /* of the callable, for messages */
} Closure;

extern PyTypeObject Closure_Type, Bound_Type;

/* Return the error value of a callback that cannot be run, and say so the first time. */
COLD void closure_refuse(const Closure *self, void *result, const char *why);

/*
 * (provider, address, address of the record or 0, list of (what, wanted, found)), or NULL with an
 * OSError for a negative errno; and the error where there is no closure any more.
 */
PyObject *verdict_tuple(void *code, int error, const struct trampfd_verdict *verdict);
PyObject *verdict_of_freed(void);

#endif
