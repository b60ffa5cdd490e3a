/* SPDX-License-Identifier: MIT */
/* One argument or result of a function type, and its converters. */
#ifndef NATIVE_PARAMETER_H
#define NATIVE_PARAMETER_H

#include "compat.h"

#include <ffi.h>

struct frontend;
struct interpreter;
struct layout;
struct parameter;

/* A new reference to the C value at `data`, or NULL with an exception. */
typedef PyObject *load_function(const struct parameter *parameter, void *data);

/*
 * Store a value of exactly the expected class that fits, in the form that libffi expects.
 * Returns 0, with nothing stored and no exception, for any other.  Integers do not use it, see min.
 */
typedef int store_function(const struct parameter *parameter, void *result, PyObject *value);

/* How it is converted. */
struct parameter {
    PyObject *type;       /* cffi ctype or ctypes class; owned by the Parameter */
    ffi_type *ffi;        /* borrowed from libffi or owned by the Parameter */
    Py_ssize_t size;      /* bytes of the C value */
    long min, max;        /* range of ints that a result stores directly; empty: max < min */
    char extension;       /* of a result narrower than ffi_arg: 's' by its sign, 'z' by zeros */
    char code;            /* how to convert, see the frontend's file */
    unsigned char loader; /* of an argument: the frontend's, see convert.h */
    unsigned char storer; /* of a result: the same, or 0 */
    struct interpreter *interpreter; /* that of the type */
    PyObject **spare; /* in the Parameter: the object of the latest call; NULL: none is kept */
};

/* Signatures copy what it `is`, and keep it alive. */
typedef struct {
    PyObject_HEAD
    const struct frontend *frontend;
    struct parameter is;
    PyObject *spare;
    struct layout *layouts; /* structures made for it */
} Parameter;

extern PyType_Spec parameter_spec;

#endif
