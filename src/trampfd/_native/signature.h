/* SPDX-License-Identifier: MIT */
/* Signatures, and the converters of their arguments and results. */
#ifndef NATIVE_SIGNATURE_H
#define NATIVE_SIGNATURE_H

#include "compat.h"

#include <ffi.h>

struct frontend;
struct late;
struct layout;
struct parameter;

/* A new reference to the C value at `data`, or NULL with an exception. */
typedef PyObject *load_function(const struct parameter *parameter, void *data);

/*
 * Store a value of exactly the expected class that fits, in the form that libffi expects.
 * Returns 0, with nothing stored and no exception, for any other.  Integers do not use it, see min.
 */
typedef int store_function(void *result, PyObject *value);

/* One argument, or the result. */
struct parameter {
    PyObject *type;        /* cffi ctype or ctypes class; owned */
    ffi_type *ffi;         /* borrowed from libffi or owned by the signature */
    Py_ssize_t size;       /* bytes of the C value */
    load_function *load;   /* of an argument */
    store_function *store; /* of a result; may be NULL */
    long min, max;         /* range of ints that a result stores directly; empty: max < min */
    char code;             /* how to convert, see the frontend's file */
};

typedef struct {
    PyObject_HEAD
    const struct frontend *frontend;
    ffi_cif cif;
    unsigned flags;
    Py_ssize_t count;
    struct parameter result;
    struct parameter *arguments;
    ffi_type **ffi_arguments;
    struct layout *layouts; /* structures made for this signature */
    struct late *late;      /* see late.h; NULL: closures read their arguments as `cif` says */
} Signature;

extern PyTypeObject Signature_Type;

/* What source(type) returns, which has to be one; NULL with an exception. */
Signature *signature_from(PyObject *source, PyObject *type);

#endif
