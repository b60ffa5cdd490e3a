/* SPDX-License-Identifier: MIT */
/*
 * From a ctype of a function to its signature.  Those in use are kept.  A new one is made here if
 * all its arguments and its result are numbers and pointers that were seen before, which have
 * Parameters; Python makes all others.
 */
#include "frontend.h"
#include "interpreter.h"
#include "module.h"

#define KEPT 1024 /* signatures; all are forgotten then, those in use live on */

enum { ARGS, RESULT, ABI, ELLIPSIS, NAMES };

_Static_assert(NAMES
                   == sizeof(interpreter_main.of.cffi_names)
                          / sizeof(interpreter_main.of.cffi_names[0]),
               "names");

static int make_names(struct interpreter *interpreter)
{
    static const char *const words[NAMES] = {"args", "result", "abi", "ellipsis"};

    for (int i = 0; i < NAMES; i++) {
        interpreter_set(&interpreter->of.cffi_names[i], PyUnicode_InternFromString(words[i]));
        if (!interpreter->of.cffi_names[i])
            return -1;
    }
    return 0;
}

int cffi_signature_init(PyObject *parameters, PyObject *source)
{
    struct interpreter *interpreter = interpreter_now();
    PyObject *kept = PyDict_New();

    if (!kept || make_names(interpreter)) {
        Py_XDECREF(kept);
        return -1;
    }
    interpreter_set(&interpreter->of.cffi_signatures, kept);
    Py_INCREF(parameters);
    interpreter_set(&interpreter->of.cffi_parameters, parameters);
    Py_INCREF(source);
    interpreter_set(&interpreter->of.cffi_signature_of, source);
    return 0;
}

/* A tuple of Parameters; NULL, without an exception if one is not known. */
static PyObject *known_arguments(PyObject *known_parameters, PyObject *args)
{
    Py_ssize_t count = PyTuple_GET_SIZE(args);
    PyObject *found = PyTuple_New(count);

    for (Py_ssize_t i = 0; found && i < count; i++) {
        PyObject *known;

        if (PyDict_GetItemRef(known_parameters, PyTuple_GET_ITEM(args, i), &known) > 0)
            PyTuple_SET_ITEM(found, i, known);
        else
            Py_CLEAR(found);
    }
    return found;
}

static Signature *make_with_abi(long abi, PyObject *result, PyObject *arguments)
{
    return abi == -1 && PyErr_Occurred() ? NULL
                                         : signature_make((int)abi, 0, result, arguments, NULL);
}

/* NULL without an exception: Python has to make it. */
static Signature *make_of_known(PyObject *parameters, PyObject *const values[NAMES])
{
    PyObject *arguments, *result = NULL;
    Signature *signature = NULL;

    if (values[ELLIPSIS] != Py_False || !PyTuple_CheckExact(values[ARGS]))
        return NULL;
    arguments = known_arguments(parameters, values[ARGS]);
    if (arguments && PyDict_GetItemRef(parameters, values[RESULT], &result) > 0)
        signature = make_with_abi(PyLong_AsLong(values[ABI]), result, arguments);
    Py_XDECREF(result);
    Py_XDECREF(arguments);
    return signature;
}

static Signature *make(const struct interpreter *interpreter, PyObject *ctype)
{
    PyObject *values[NAMES] = {NULL};
    Signature *signature = NULL;
    int i = 0;

    while (i < NAMES && (values[i] = PyObject_GetAttr(ctype, interpreter->of.cffi_names[i])))
        i++;
    if (i == NAMES)
        signature = make_of_known(interpreter->of.cffi_parameters, values);
    while (i > 0)
        Py_DECREF(values[--i]);
    if (signature || PyErr_Occurred())
        return signature;
    return signature_from(interpreter->of.cffi_signature_of, ctype);
}

static int keep(PyObject *signatures, PyObject *ctype, Signature *signature)
{
    if (PyDict_GET_SIZE(signatures) >= KEPT)
        PyDict_Clear(signatures);
    return PyDict_SetItem(signatures, ctype, (PyObject *)signature);
}

Signature *cffi_signature_kept(PyObject *ctype)
{
    PyObject *signature;

    if (PyDict_GetItemRef(interpreter_now()->of.cffi_signatures, ctype, &signature) < 0)
        return NULL;
    return (Signature *)signature;
}

Signature *cffi_signature_new(PyObject *ctype)
{
    const struct interpreter *interpreter = interpreter_now();
    Signature *signature = make(interpreter, ctype);

    if (signature && keep(interpreter->of.cffi_signatures, ctype, signature))
        Py_CLEAR(signature);
    return signature;
}

static PyObject *signature_of(PyObject *module, PyObject *ctype)
{
    Signature *signature = cffi_signature_kept(ctype);

    (void)module;
    if (!signature && !PyErr_Occurred())
        signature = cffi_signature_new(ctype);
    return (PyObject *)signature;
}

const PyMethodDef cffi_signature_functions[] = {
    {"cffi_signature", signature_of, METH_O,
     PyDoc_STR("cffi_signature(ctype)\n--\n\nThe signature of a function pointer type of cffi.")},
    {NULL, NULL, 0, NULL},
};
