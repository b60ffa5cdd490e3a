/* SPDX-License-Identifier: MIT */
/* Frontends: the operations that differ between cffi and ctypes. */
#ifndef NATIVE_FRONTEND_H
#define NATIVE_FRONTEND_H

#include "owner.h"

#include <closure/closure.h>

/* An array whose size varies would cost a call as much as converting an argument. */
#define DISPATCH_FEW 12

/* The owner of the types and conversions of a signature: cffi or ctypes. */
struct frontend {
    const char *name;
    load_function *const *loaders; /* see convert.h */
    store_function *const *storers;
    /* The code of arguments whose objects the next call gets again if nobody kept them. */
    char reused;
    /* The `python` entry: from the frame of a plan to Python objects, DISPATCH_FEW at most. */
    tfd_dispatch *dispatch;
    /* The same for signatures with a `late`; NULL if the frontend has none. */
    tfd_dispatch *dispatch_late;
    /* The same from a vector of addresses, for signatures that have no plan; gets the record. */
    trampfd_handler handler;
    /* Store the error value; not attached to the interpreter. */
    void (*return_error_value)(const Closure *self, void *result);
};

extern const struct frontend frontend_cffi, frontend_ctypes;

/*
 * What ffi.callback() gives, and a ctypes class called with a callable, on closures of trampfd;
 * their errors are the same.  `error` and `onerror` may be None.
 */
PyObject *cffi_make(PyObject *ctype, PyObject *callable, PyObject *error, PyObject *onerror);
PyObject *ctypes_make(PyTypeObject *cls, PyObject *callable);

/* The signature of a function ctype, if it was kept, and a new one; NULL: see PyErr_Occurred(). */
Signature *cffi_signature_kept(PyObject *ctype);
Signature *cffi_signature_new(PyObject *ctype);

/* A new cdata of type `ctype` with the address `pointer`. */
PyObject *cffi_pointer(void *pointer, PyObject *ctype);

/* A new function pointer of ctypes with the address `pointer`, which keeps its owner alive. */
PyObject *ctypes_pointer(PyTypeObject *cls, void *pointer, PyObject *owner);

/* Store a result of cffi's as libffi wants it; 0, or -1 with an exception. */
int cffi_store(const struct parameter *parameter, void *result, PyObject *value);

#endif
