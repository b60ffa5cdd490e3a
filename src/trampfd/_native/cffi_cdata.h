/* SPDX-License-Identifier: MIT */
/* The layout of cdata, where a sample has shown that it is this one: see cffi_make.c. */
#ifndef NATIVE_CFFI_CDATA_H
#define NATIVE_CFFI_CDATA_H

#include "interpreter.h"
#include "parameter.h"

struct cdata {
    PyObject_HEAD
    PyObject *ctype;
    void *data;
    PyObject *weak_references;
};

/* One with a destructor, as ffi.gc() makes it. */
struct owning_cdata {
    struct cdata cdata;
    Py_ssize_t length; /* of arrays */
    PyObject *origin;  /* another cdata, which the destructor is called with; here the Closure */
    PyObject *destructor;
};

/* Is this a cdata of its type, without a destructor?  0 also where the layout is not known. */
static inline int cdata_is(PyObject *object, const struct parameter *parameter)
{
    const PyTypeObject *owning = parameter->interpreter->of.cffi_owning;

    return owning && Py_TYPE(object) == owning->tp_base
           && ((struct cdata *)object)->ctype == parameter->type;
}

#endif
