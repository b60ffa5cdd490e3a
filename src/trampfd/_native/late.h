/* SPDX-License-Identifier: MIT */
/*
 * Signatures of ctypes that change after a closure was made: a structure that inherits its fields
 * may get more fields of its own, until it is first used.  Then C passes it, and all arguments
 * after it, in other places: in more registers or in memory.
 *
 * Closures of such a signature save all registers that arguments are passed in, and each call uses
 * the plan of the current signature to find the arguments in the frame.
 *
 * If there is no such plan, making the callback raises an exception with the reason: only libffi
 * can marshal structures with misaligned members, or with an alignment of more than 16 bytes, and
 * it marshals every structure on a CPU whose port has no plans.
 */
#ifndef NATIVE_LATE_H
#define NATIVE_LATE_H

#include "signature.h"

#include <closure/plan.h>

#include <stdatomic.h>

/* Exists as long as the signature that has changed, for calls that use it without a lock. */
struct late_version {
    Signature *signature;        /* of the first one, the signature itself, which is not counted */
    const struct tfd_plan *plan; /* of that; counted */
    struct late_version *older;  /* NULL: this is the first one */
};

struct late {
    ffi_cif cif;     /* of closures: with more arguments than there are registers */
    PyObject *renew; /* called without arguments: the Signature as it is now */
    struct late_version first;
    _Atomic(struct late_version *) latest;
};

/*
 * Of a new signature with arguments of code '~'.  Without a plan it gets no `late`.  0, or -1 with
 * an exception.
 */
int late_new(Signature *signature, PyObject *renew);
int late_traverse(struct late *late, visitproc visit, void *arg);
void late_clear(struct late *late);

/* Has an argument's class got fields since the signature was made? */
int late_is_outdated(const struct parameter *parameter);

/* Raises the exception for that. */
void late_refuse(const struct parameter *parameter);

/* The signature as it is now; or NULL with an exception, and the index of the argument that caused
   it. */
const struct late_version *late_now(Signature *signature, Py_ssize_t *refused);

#endif
