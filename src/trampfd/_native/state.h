/* SPDX-License-Identifier: MIT */
/*
 * What the extension keeps once for the process, and what guards each member: "the lock" is the
 * interpreter's.  See interpreter.h for what each interpreter has.
 *
 * Sealed members are stored under the lock of the library, see base/lock.h, when their module is
 * first used, before any conversion; they are read without a lock.
 */
#ifndef NATIVE_STATE_H
#define NATIVE_STATE_H

#include "compat.h"

#include <base/sealed.h>
#include <redirect/redirect.h>

#include <stdatomic.h>

/* A redirected PyMethodDef; `method` is NULL while it is not redirected. */
struct redirection {
    PyMethodDef *method;
    PyCFunction original;
};

/* Of the _cffi_backend in use; its functions are those of its file. */
struct cffi_functions {
    void (*restore_errno)(void);
    void (*save_errno)(void);
    PyObject *(*to_object)(char *data, PyObject *ctype);
    int (*from_object)(char *data, PyObject *ctype, PyObject *value);
    destructor finalize; /* of cdata with a destructor; NULL when it has none of its own */
};

/* What install(libraries=True) redirects; ffi_closure_alloc is the last. */
#define LIBRARY_FUNCTIONS 4

struct library_functions {
    struct tfd_redirection rows[LIBRARY_FUNCTIONS];
};

struct state {
    /* Of ctypes; every interpreter stores the same, before it converts anything. */
    _Atomic(Py_ssize_t) ctypes_objects; /* the offset of `_objects` in an instance */
    _Atomic(Py_ssize_t) ctypes_size;    /* the offset of the buffer's size in an instance */
    atomic_int ctypes_layout_is_known;  /* an instance showed that it is as expected */

    /* Of cffi and ctypes; cffi is only in interpreters that share one lock. */

    struct redirection backend_callback, ffi_callback, ffi_decorator; /* the lock */
    PyCFunction ffi_typeof;   /* what FFI.typeof is; NULL where it is called otherwise; the lock */
    PyTypeObject *owner_type; /* of cdata with a destructor; NULL: not redirected; the lock */
    reprfunc original_repr;   /* the lock */
    TFD_SEALED(newfunc) original_new; /* of _ctypes.CFuncPtr; NULL until it is seen */
    TFD_SEALED(struct cffi_functions) cffi;
    TFD_SEALED(struct library_functions) libraries; /* NULL until the library is loaded */

    atomic_uint making_states;  /* threads inside PyThreadState_New(), see attach.c; atomic */
    atomic_int refusal_is_told; /* by closure_refuse(); atomic */
};

/* Hidden, so that code reaches it without a table of offsets. */
extern struct state native __attribute__((visibility("hidden")));

#endif
