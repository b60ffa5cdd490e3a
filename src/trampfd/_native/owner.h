/* SPDX-License-Identifier: MIT */
/*
 * Owners of closures, Closure and Bound.
 *
 * cffi keeps an owner as the destructor of a cdata (calling it frees the closure), ctypes as what
 * an instance keeps alive.  Both are visited by the garbage collector, so a cycle through a
 * callback is collected.
 *
 * A closure must exist longer than its calls, as with cffi and ctypes: dropping it while another
 * thread is entering it frees what that thread calls.  A call that has reached Python holds a
 * reference.
 */
#ifndef NATIVE_OWNER_H
#define NATIVE_OWNER_H

#include "attach.h"
#include "signature.h"

#include <trampfd.h>

/*
 * Both are this, and Bound has more.  There are many of them, and all that a rare message or an
 * exception needs is behind one pointer, `about`: the name for messages, a str, or, of callbacks of
 * cffi that have more, (name, onerror or None, bytes to return after an exception or None).
 *
 * Only `closure` changes, and `kept` when it is dropped; without the GIL, both atomically.
 */
struct owner {
    PyObject_HEAD
    Signature *signature;
    PyObject *kept; /* the callable; of a Bound, what keeps its function and argument valid */
    void *closure;  /* NULL once it is freed; only owner_take() clears it */
    PyObject *about;
};

/* A callback: the closure and what it calls. */
typedef struct {
    struct owner owner;
} Closure;

extern PyType_Spec bound_spec;

/* A new class; NULL with an exception. */
PyTypeObject *closure_type_for(const struct interpreter *interpreter);

/* Nothing derives from the classes, of which every interpreter has its own. */
void closure_dealloc(PyObject *self);
void bound_dealloc(PyObject *self);

static inline int owner_is_closure(PyObject *object)
{
    return Py_TYPE(object)->tp_dealloc == closure_dealloc;
}

/* NULL once the interpreter has dropped it at its end, see closure.c. */
static inline PyObject *closure_callable(const Closure *self)
{
    return __atomic_load_n(&self->owner.kept, __ATOMIC_RELAXED);
}

/* What its record has as user data. */
void *closure_user_data(const Closure *self);

/*
 * A new callback, or NULL with an exception; *code is the function pointer.  Takes the reference to
 * `about`, which may be NULL with an exception.
 */
Closure *closure_make(Signature *signature, PyObject *callable, PyObject *about, void **code);

/* What a message calls a callable, a new str.  No code of the program runs for it. */
PyObject *closure_name_of(PyObject *callable);

/* Parts of `about`, borrowed; NULL for none. */
static inline PyObject *closure_part(const Closure *self, Py_ssize_t index)
{
    PyObject *about = self->owner.about;
    PyObject *part = PyTuple_CheckExact(about) ? PyTuple_GET_ITEM(about, index) : Py_None;

    return part == Py_None ? NULL : part;
}

static inline PyObject *closure_onerror(const Closure *self)
{
    return closure_part(self, 1);
}

static inline PyObject *closure_error_value(const Closure *self)
{
    return closure_part(self, 2);
}

/* Say the first time that a callback cannot be run. */
COLD void closure_say_refused(const char *name, const char *why);

/* Return its error value, and say so. */
COLD void closure_refuse(const Closure *self, void *result, const char *why);

static inline int owner_check(PyObject *object)
{
    return owner_is_closure(object) || Py_TYPE(object)->tp_dealloc == bound_dealloc;
}

/*
 * Takes the object at `place`, for the caller to free; NULL if another thread has taken it: if two
 * threads free the same object, only one of them does it.
 */
#define owner_take(place) __atomic_exchange_n(place, NULL, __ATOMIC_ACQ_REL)

/*
 * Free the closure, unless it is permanent or the interpreter finalises: then it stays, as C may
 * call it at exit.
 */
void owner_free(struct owner *self);

/*
 * A str as a name for messages, a new reference; NULL without an exception if it cannot be read as
 * UTF-8.  owner_name() of it is a plain read of memory, for threads that are not attached, too.
 */
PyObject *owner_readable(PyObject *name);
const char *owner_name(const struct owner *self);

/*
 * Compare what the object knows of its closure with what the provider holds; 0 or -errno.  *code is
 * the function pointer.
 */
typedef int owner_compare(const struct owner *self, void **code, struct trampfd_report *report);

/* verify(), which returns what report_tuple() makes. */
PyObject *owner_verify(const struct owner *self, owner_compare *compare);
extern const char owner_verify_doc[];

/* Slots of both types. */
int owner_traverse(struct owner *self, visitproc visit, void *arg);
PyObject *owner_call(struct owner *self, PyObject *args, PyObject *kwargs);

#endif
