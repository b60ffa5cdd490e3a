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

#include <stdatomic.h>

/* Of the _ctypes in use; the references are never released. */
struct ctypes_objects {
    PyObject *set_errno;    /* _ctypes.set_errno(new) -> old, per thread */
    PyObject *simple_class; /* _ctypes._SimpleCData; its base is that of all classes */
    PyObject *simple_value; /* the descriptor behind .value of simple types */
};

struct interpreter {
    _Atomic(PyInterpreterState *) state; /* NULL before its beginning and after its end */
    struct interpreter *next;

    PyTypeObject *parameter_type, *signature_type, *closure_type, *bound_type;
    PyObject *closure_error; /* the class */

    PyObject *fields;              /* "_fields_" */
    PyObject *signature_name;      /* "_trampfd_signature_", of classes */
    PyObject *ctypes_signature_of; /* called with a class */
    int new_is_active;             /* install() is in force for ctypes */
    /* Sealed when ctypes is first used, before any conversion; read without a lock. */
    TFD_SEALED(struct ctypes_objects) ctypes;

    PyTypeObject *cffi_type;     /* of ctype objects */
    PyObject *cffi_names[4];     /* of attributes of ctypes */
    PyObject *cffi_parameters;   /* a dict of Parameters by ctype */
    PyObject *cffi_signatures;   /* a dict by ctype */
    PyObject *cffi_signature_of; /* called with a ctype */
    PyTypeObject *cffi_owning;   /* of cdata that cffi_make.c lays out; may be NULL */
    PyObject *cffi_gcp;          /* what ffi.gc() is of cffi's backend */
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

/* The same, when the module is imported; a new one, if it is the first time.  NULL with an exception. */
struct interpreter *interpreter_begin(void);

#endif
