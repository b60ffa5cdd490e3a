/* SPDX-License-Identifier: MIT */
/*
 * What the extension keeps for each interpreter of the process that imports it.  Members are guarded
 * by that interpreter's lock.
 *
 * The memory is never released: closures of an interpreter that has ended may still be called.
 */
#ifndef NATIVE_INTERPRETER_H
#define NATIVE_INTERPRETER_H

#include "compat.h"

#include <base/sealed.h>

#include <pthread.h>
#include <stdatomic.h>

struct kept;

/* Of the _ctypes in use. */
struct ctypes_objects {
    PyObject *set_errno;    /* _ctypes.set_errno(new) -> old, per thread */
    PyObject *simple_class; /* _ctypes._SimpleCData; its base is that of all classes */
    PyObject *simple_value; /* the descriptor behind .value of simple types */
};

/*
 * Objects, and what install() has set.  Read without a lock, and stored by interpreter_set() before
 * the flag that makes others read them.
 */
struct interpreter_objects {
    PyTypeObject *parameter_type, *signature_type, *closure_type, *bound_type;
    PyObject *closure_error; /* the class */

    PyObject *fields;              /* "_fields_" */
    PyObject *signature_name;      /* "_trampfd_signature_", of classes */
    PyObject *ctypes_signature_of; /* called with a class */
    atomic_int new_is_active;      /* install() is in force for ctypes */
    atomic_int cffi_is_active;     /* and for cffi */

    PyTypeObject *cffi_type;     /* of ctype objects */
    PyObject *cffi_names[4];     /* of attributes of ctypes */
    PyObject *cffi_parameters;   /* a dict of Parameters by ctype */
    PyObject *cffi_signatures;   /* a dict by ctype */
    PyObject *cffi_signature_of; /* called with a ctype */
    PyTypeObject *cffi_owning;   /* of cdata that cffi_make.c lays out; may be NULL */
    PyObject *cffi_gcp;          /* what ffi.gc() is of cffi's backend */
};

struct interpreter {
    _Atomic(PyInterpreterState *) state; /* NULL before its beginning and after its end */
    _Atomic(struct interpreter *) next;

    /* Of its end, see attach.c; atomic. */
    pthread_t finalizer;           /* the thread that ends it; finalizer_is_known */
    atomic_int finalizer_is_known; /* from shortly before its end */
    atomic_uint visitors; /* callbacks of threads that had to attach to it; not to the main one */

    /* Of threads that Python did not make, see kept.h. */
    _Atomic(struct kept *) ended; /* a list; pushed to one by one, taken as a whole; atomic */
    size_t kept_states;

    struct interpreter_objects of;
    /* Sealed once, when ctypes is first used, before any conversion; read without a lock. */
    TFD_SEALED(struct ctypes_objects) ctypes;
};

/* The main one comes first.  Hidden, so that code reaches it without a table of offsets. */
extern struct interpreter interpreter_main __attribute__((visibility("hidden")));

/* Of one that has imported the extension; NULL for all others. */
struct interpreter *interpreter_find(PyInterpreterState *state);

/* The one that this thread is attached to. */
static inline struct interpreter *interpreter_now(void)
{
    PyInterpreterState *state = PyInterpreterState_Get();

    if (__builtin_expect(
            atomic_load_explicit(&interpreter_main.state, memory_order_relaxed) == state, 1))
        return &interpreter_main;
    return interpreter_find(state);
}

/*
 * The same, when the module is imported; if it is the first time, a new one, whose end is noticed.
 * NULL with an exception.
 */
struct interpreter *interpreter_begin(void);

/*
 * Do objects that are dropped now leave behind what calls of their closures read?  They do at the
 * end of the interpreter, as C may call them later.
 */
static inline int interpreter_is_ending(const struct interpreter *interpreter)
{
    return Py_IsFinalizing()
           || (interpreter != &interpreter_main && atomic_load(&interpreter->finalizer_is_known));
}

/*
 * Takes a new reference.  Without the GIL another thread may be reading the object that was there
 * before, which is kept for good.
 */
static inline void interpreter_set(void *place, void *object)
{
    PyObject *old = __atomic_exchange_n((PyObject **)place, (PyObject *)object, __ATOMIC_ACQ_REL);

    if (!COMPAT_FREE_THREADED || old == object)
        Py_XDECREF(old);
}

/* Has another interpreter than the main one ever imported the extension? */
static inline int interpreter_are_many(void)
{
    return interpreter_main.next != NULL;
}

#endif
