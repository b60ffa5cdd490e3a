/* SPDX-License-Identifier: MIT */
/*
 * From a function pointer class of ctypes and a callable to an instance that owns a closure.
 *
 * ctypes makes the instance, its buffer is the function pointer, and what keeps a closure alive is
 * where ctypes puts all that an instance keeps alive: its `_objects`.
 */
#include "ctypes_instance.h"
#include "frontend.h"
#include "interpreter.h"
#include "module.h"
#include "origin.h"
#include "state.h"

int ctypes_make_init(PyTypeObject *pointer_class, PyObject *signature_of)
{
    struct interpreter *interpreter = interpreter_now();

    if (ctypes_instance_init((PyObject *)pointer_class))
        return -1;
    interpreter_set(&interpreter->of.signature_name,
                    PyUnicode_InternFromString("_trampfd_signature_"));
    Py_INCREF(signature_of);
    interpreter_set(&interpreter->of.ctypes_signature_of, signature_of);
    return interpreter->of.signature_name ? 0 : -1;
}

/* Of a class called with nothing: a function pointer that is NULL. */
static PyObject *new_instance(PyTypeObject *cls)
{
    PyObject *none = PyTuple_New(0);
    PyObject *instance = none ? native.original_new.is(cls, none, NULL) : NULL;

    Py_XDECREF(none);
    return instance;
}

PyObject *ctypes_pointer(PyTypeObject *cls, void *pointer, PyObject *owner)
{
    PyObject *instance = new_instance(cls);

    if (instance && ctypes_fill(instance, &pointer, sizeof(pointer)))
        Py_CLEAR(instance);
    if (instance)
        ctypes_keep(instance, owner);
    return instance;
}

/*
 * The class keeps its signature, and with it the argument types that may get fields yet: without
 * any it is the signature for good.
 */
static Signature *signature_for(PyTypeObject *cls)
{
    const struct interpreter *interpreter = interpreter_now();
    PyObject *signature = NULL;
    PyObject *kept;

    if (PyDict_GetItemRef(cls->tp_dict, interpreter->of.signature_name, &kept) < 0)
        return NULL;
    if (kept && PyTuple_CheckExact(kept) && PyTuple_GET_SIZE(kept) == 1
        && Py_IS_TYPE(PyTuple_GET_ITEM(kept, 0), interpreter->of.signature_type))
        signature = Py_NewRef(PyTuple_GET_ITEM(kept, 0));
    Py_XDECREF(kept);
    return signature ? (Signature *)signature
                     : signature_from(interpreter->of.ctypes_signature_of, (PyObject *)cls);
}

PyObject *ctypes_make(PyTypeObject *cls, PyObject *callable)
{
    PyObject *instance;
    Signature *signature;
    Closure *closure;
    void *code;

    if (!PyCallable_Check(callable)) {
        PyErr_SetString(PyExc_TypeError, "argument must be callable or integer function address");
        return NULL;
    }
    signature = signature_for(cls);
    if (!signature)
        return NULL;
    closure = closure_make(signature, callable, origin_made(closure_name_of(callable)), &code);
    Py_DECREF(signature);
    if (!closure)
        return NULL;
    instance = ctypes_pointer(cls, code, (PyObject *)closure);
    Py_DECREF(closure);
    return instance;
}
