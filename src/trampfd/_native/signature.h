/* SPDX-License-Identifier: MIT */
/* Signatures: a cif, and the converters of its arguments and its result. */
#ifndef NATIVE_SIGNATURE_H
#define NATIVE_SIGNATURE_H

#include "parameter.h"

struct late;

typedef struct {
    PyObject_HEAD
    const struct frontend *frontend;
    ffi_cif *cif;
    unsigned flags;
    Py_ssize_t count;
    struct parameter result;
    struct parameter *arguments;
    ffi_type **ffi_arguments; /* as `cif`, not in memory of the interpreter, which may end */
    PyObject *parameters;     /* a tuple of those of the arguments */
    PyObject *of_result;      /* a Parameter */
    struct late *late;        /* see late.h; NULL: closures read their arguments as `cif` says */
} Signature;

extern PyType_Spec signature_spec;

/*
 * A new signature of Parameters, those of the arguments in a tuple; NULL with an exception.  abi: -1
 * is the default one.  renew: see late.h; may be NULL.
 */
Signature *signature_make(int abi, unsigned flags, PyObject *result, PyObject *parameters,
                          PyObject *renew);

/* What source(type) returns, which has to be one; NULL with an exception. */
Signature *signature_from(PyObject *source, PyObject *type);

#endif
