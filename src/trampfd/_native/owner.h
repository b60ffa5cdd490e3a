/* SPDX-License-Identifier: MIT */
/*
 * Owners of closures, Closure and Bound.
 *
 * cffi keeps an owner as the destructor of a cdata (calling it frees the closure), ctypes as the
 * exporter of the buffer that holds the function pointer.  Both are visited by the garbage
 * collector, so a cycle through a callback is collected.
 *
 * A closure must outlive its calls, as with cffi and ctypes: who lets go of it while another thread
 * is on its way in has freed what that thread calls.  A call that has arrived holds a reference.
 */
#ifndef NATIVE_OWNER_H
#define NATIVE_OWNER_H

#include "attach.h"
#include "signature.h"

#include <trampfd.h>

/* How both begin.  Only `closure` changes, and `kept` when it is dropped. */
struct owner {
    PyObject_HEAD
    Signature *signature;
    PyObject *kept; /* the callable; of a Bound, what its function and its argument live by */
    void *closure;  /* NULL once it is freed; only owner_take() stores that */
    void *code;     /* what the buffer protocol shows: the function pointer */
    char name[40];  /* for messages */
};

/* A callback: the closure and what it calls. */
typedef struct {
    struct owner owner;
    PyObject *onerror; /* cffi only; NULL for none */
    PyObject *error;   /* cffi only; bytes to return after an exception */
} Closure;

extern PyTypeObject Closure_Type, Bound_Type;

/* NULL once the interpreter has dropped it at its end, see closure.c. */
static inline PyObject *closure_callable(const Closure *self)
{
    return self->owner.kept;
}

/* Return the error value of a callback that cannot be run, and say so the first time. */
COLD void closure_refuse(const Closure *self, void *result, const char *why);

static inline int owner_check(PyObject *object)
{
    return Py_TYPE(object) == &Closure_Type || Py_TYPE(object) == &Bound_Type;
}

/*
 * What is owned at `place`, for the caller to free; NULL when somebody else has taken it: of two
 * threads that free the same thing one does.
 */
#define owner_take(place) __atomic_exchange_n(place, NULL, __ATOMIC_ACQ_REL)

/* A new owner that has no closure yet, or NULL with an exception. */
void *owner_new(PyTypeObject *type, Signature *signature, PyObject *kept, const char *name);

/* Free the closure, unless the interpreter finalises: then it stays, as C may call it at exit. */
void owner_free(struct owner *self);

/* Compare what the object knows of its closure with what the provider holds; 0 or -errno. */
typedef int owner_compare(const struct owner *self, struct trampfd_verdict *verdict);

/* verify(), which gives (provider, address, address of the record or 0, differences). */
PyObject *owner_verify(const struct owner *self, owner_compare *compare);

/* Slots and methods of both types. */
int owner_traverse(struct owner *self, visitproc visit, void *arg);
PyObject *owner_call(struct owner *self, PyObject *args, PyObject *kwargs);
PyObject *owner_cdata(struct owner *self, PyObject *ctype);
extern const PyBufferProcs owner_as_buffer;
extern const char owner_verify_doc[], owner_cdata_doc[];

#endif
