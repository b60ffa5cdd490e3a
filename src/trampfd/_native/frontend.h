/* SPDX-License-Identifier: MIT */
/* What cffi and ctypes do each in its own way. */
#ifndef NATIVE_FRONTEND_H
#define NATIVE_FRONTEND_H

#include "owner.h"

#include <closure/closure.h>

/* Whose types and conversions a signature has: those of cffi or of ctypes. */
struct frontend {
    const char *name;
    load_function *(*loader)(char code);
    store_function *(*storer)(char code);
    /* Check what a new closure was given; 0, or -1 with an exception. */
    int (*prepare)(Closure *self, PyObject *error, PyObject *onerror);
    /* The `python` entry: from the frame of a plan straight to Python objects. */
    tfd_dispatch *dispatch;
    /* The same for signatures that have a `late`; NULL where there are none. */
    tfd_dispatch *dispatch_late;
    /* The same from a vector of addresses, for signatures that have no plan; gets the record. */
    trampfd_handler handler;
    /* Store the error value; not attached to the interpreter. */
    void (*return_error_value)(const Closure *self, void *result);
};

extern const struct frontend frontend_cffi, frontend_ctypes;

/* A new cdata of type `ctype` with the address `pointer`. */
PyObject *cffi_pointer(void *pointer, PyObject *ctype);

#endif
