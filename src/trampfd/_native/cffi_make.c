/* SPDX-License-Identifier: MIT */
/*
 * From a ctype and a callable to a cdata that owns a closure.  The order of the checks and their
 * words are those of ffi.callback().
 *
 * The cdata is one with a destructor, as ffi.gc() gives.  ffi.gc() itself takes longer than all else
 * together, and a second cdata.  So the object is made here where its layout is known: when cffi is
 * first used, one that ffi.gc() made is compared word by word with what this file expects.
 */
#include "cffi_cdata.h"
#include "convert.h"
#include "frontend.h"
#include "module.h"
#include "origin.h"

#include <string.h>

/* Is this how the sample was made: by ffi.gc() of a cdata with that address? */
static int is_as_expected(PyObject *sample, PyObject *ctype, PyObject *address, PyObject *origin,
                          PyObject *destructor)
{
    const struct owning_cdata *cdata = (const struct owning_cdata *)sample;
    PyTypeObject *type = Py_TYPE(sample);

    return type->tp_basicsize == sizeof(*cdata) && !type->tp_itemsize && PyType_IS_GC(type)
           && cdata->cdata.ctype == ctype && cdata->cdata.data == PyLong_AsVoidPtr(address)
           && !cdata->cdata.weak_references && cdata->origin == origin
           && cdata->destructor == destructor;
}

/* Sets cffi_owning to the type of the sample, or to NULL; 0, or -1 with an exception. */
static int know_layout(PyObject *sample)
{
    PyObject *cdata, *ctype, *address, *origin, *destructor;
    PyObject *type = NULL;

    if (sample != Py_None) {
        if (!PyArg_ParseTuple(sample, "OOO!OO:sample", &cdata, &ctype, &PyLong_Type, &address,
                              &origin, &destructor))
            return -1;
        if (is_as_expected(cdata, ctype, address, origin, destructor))
            type = Py_NewRef((PyObject *)Py_TYPE(cdata));
    }
    interpreter_set(&interpreter_now()->of.cffi_owning, type);
    return 0;
}

int cffi_make_init(PyObject *backend, PyObject *sample)
{
    PyObject *with_destructor = PyObject_GetAttrString(backend, "gcp");

    if (!with_destructor || know_layout(sample)) {
        Py_XDECREF(with_destructor);
        return -1;
    }
    interpreter_set(&interpreter_now()->of.cffi_gcp, with_destructor);
    return 0;
}

static int is_function_type(PyObject *ctype)
{
    PyObject *kind = PyObject_GetAttrString(ctype, "kind");
    int is_function =
        kind && PyUnicode_Check(kind) && !PyUnicode_CompareWithASCIIString(kind, "function");
    PyObject *name = kind && !is_function ? PyObject_GetAttrString(ctype, "cname") : NULL;

    Py_XDECREF(kind);
    if (name)
        PyErr_Format(PyExc_TypeError, "expected a function ctype, got '%U'", name);
    Py_XDECREF(name);
    return is_function;
}

static int is_callable(PyObject *object, const char *as)
{
    if (PyCallable_Check(object))
        return 1;
    PyErr_Format(PyExc_TypeError, "expected a callable object%s, not %.200s", as,
                 Py_TYPE(object)->tp_name);
    return 0;
}

static Signature *signature_for(PyObject *ctype, PyObject *callable, PyObject *onerror)
{
    Signature *signature = cffi_signature_kept(ctype);

    if ((!signature && (PyErr_Occurred() || !is_function_type(ctype))) || !is_callable(callable, "")
        || (onerror != Py_None && !is_callable(onerror, " for 'onerror'")))
        Py_CLEAR(signature);
    else if (!signature)
        signature = cffi_signature_new(ctype);
    return signature;
}

static PyObject *error_bytes(const Signature *signature, PyObject *error)
{
    size_t size = convert_result_size(signature->cif);
    PyObject *bytes = PyBytes_FromStringAndSize(NULL, (Py_ssize_t)size);

    if (bytes) {
        memset(PyBytes_AS_STRING(bytes), 0, size);
        if (cffi_store(&signature->result, PyBytes_AS_STRING(bytes), error))
            Py_CLEAR(bytes);
    }
    return bytes;
}

/* See Closure in owner.h. */
static PyObject *describe(const Signature *signature, PyObject *callable, PyObject *error,
                          PyObject *onerror)
{
    PyObject *name = origin_made(closure_name_of(callable));
    PyObject *value, *about;

    if (!name || (error == Py_None && onerror == Py_None))
        return name;
    value = error == Py_None ? Py_NewRef(Py_None) : error_bytes(signature, error);
    about = value ? PyTuple_Pack(3, name, onerror, value) : NULL;
    Py_XDECREF(value);
    Py_DECREF(name);
    return about;
}

static PyObject *new_owning_cdata(PyTypeObject *type, PyObject *ctype, void *data, PyObject *owner)
{
    struct owning_cdata *cdata = PyObject_GC_New(struct owning_cdata, type);

    if (!cdata)
        return NULL;
    cdata->cdata.ctype = Py_NewRef(ctype);
    cdata->cdata.data = data;
    cdata->cdata.weak_references = NULL;
    cdata->length = 0;
    cdata->origin = Py_NewRef(owner);
    cdata->destructor = NULL;
    PyObject_GC_Track(cdata);
    return (PyObject *)cdata;
}

/* A cdata that keeps its owner alive, and whose ffi.release() frees it. */
static PyObject *owning_cdata(PyObject *ctype, void *data, Closure *closure)
{
    const struct interpreter *interpreter = closure->owner.signature->result.interpreter;
    PyObject *owner = (PyObject *)closure;
    PyObject *pointer, *cdata;

    if (interpreter->of.cffi_owning)
        return new_owning_cdata(interpreter->of.cffi_owning, ctype, data, owner);
    pointer = cffi_pointer(data, ctype);
    cdata = pointer ? PyObject_CallFunctionObjArgs(interpreter->of.cffi_gcp, pointer, owner, NULL)
                    : NULL;
    Py_XDECREF(pointer);
    return cdata;
}

PyObject *cffi_make(PyObject *ctype, PyObject *callable, PyObject *error, PyObject *onerror)
{
    Signature *signature = signature_for(ctype, callable, onerror);
    PyObject *cdata;
    Closure *closure;
    void *code;

    if (!signature)
        return NULL;
    closure =
        closure_make(signature, callable, describe(signature, callable, error, onerror), &code);
    Py_DECREF(signature);
    if (!closure)
        return NULL;
    cdata = owning_cdata(ctype, code, closure);
    Py_DECREF(closure);
    return cdata;
}
