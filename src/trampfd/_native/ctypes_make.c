/* SPDX-License-Identifier: MIT */
/*
 * From a function pointer class of ctypes and a callable to an instance that owns a closure.
 *
 * ctypes makes the instance, its buffer is the function pointer, and what keeps a closure alive is where
 * ctypes puts all that an instance keeps alive: its `_objects`.  Where that lies in an instance the
 * descriptor tells that Python code reads it by.
 */
#include "frontend.h"
#include "module.h"
#include "state.h"

#include <descrobject.h>
#include <structmember.h>

int ctypes_make_init(PyTypeObject *pointer_class, PyObject *signature_of)
{
    PyObject *descriptor = PyObject_GetAttrString((PyObject *)pointer_class, "_objects");
    const PyMemberDef *member = descriptor && Py_IS_TYPE(descriptor, &PyMemberDescr_Type)
                                    ? ((PyMemberDescrObject *)descriptor)->d_member
                                    : NULL;

    if (member && (member->type == T_OBJECT || member->type == T_OBJECT_EX)) {
        native.ctypes_objects = member->offset;
        native.signature_name = PyUnicode_InternFromString("_trampfd_signature_");
        Py_INCREF(signature_of);
        Py_XSETREF(native.ctypes_signature_of, signature_of);
    } else if (descriptor) {
        PyErr_SetString(PyExc_ImportError,
                        "this version of ctypes does not say where instances keep `_objects`");
    }
    Py_XDECREF(descriptor);
    return PyErr_Occurred() ? -1 : 0;
}

/* Of a class called with nothing: a function pointer that is NULL. */
static PyObject *new_instance(PyTypeObject *cls)
{
    PyObject *none = PyTuple_New(0);
    PyObject *instance = none ? native.original_new.is(cls, none, NULL) : NULL;

    Py_XDECREF(none);
    return instance;
}

/* What follows the head of an object: the address of its buffer, in all versions of ctypes so far. */
static void *first_word(PyObject *instance)
{
    return *(void **)(instance + 1);
}

/* The first instance tells whether the buffer can be had in the short way. */
static int set_pointer(PyObject *instance, void *pointer)
{
    Py_buffer view;

    if (native.ctypes_buffer_is_first) {
        *(void **)first_word(instance) = pointer;
        return 0;
    }
    if (PyObject_GetBuffer(instance, &view, PyBUF_WRITABLE))
        return -1;
    *(void **)view.buf = pointer;
    native.ctypes_buffer_is_first = first_word(instance) == view.buf;
    PyBuffer_Release(&view);
    return 0;
}

PyObject *ctypes_pointer(PyTypeObject *cls, void *pointer, PyObject *owner)
{
    PyObject *instance = new_instance(cls);

    if (instance && set_pointer(instance, pointer))
        Py_CLEAR(instance);
    if (instance)
        *(PyObject **)((char *)instance + native.ctypes_objects) = Py_NewRef(owner);
    return instance;
}

/*
 * The class keeps its signature, and with it the argument types that may get fields yet: without
 * any it is the signature for good.
 */
static Signature *signature_for(PyTypeObject *cls)
{
    PyObject *kept = PyDict_GetItemWithError(cls->tp_dict, native.signature_name);

    if (kept && PyTuple_CheckExact(kept) && PyTuple_GET_SIZE(kept) == 1
        && Py_IS_TYPE(PyTuple_GET_ITEM(kept, 0), &Signature_Type))
        return (Signature *)Py_NewRef(PyTuple_GET_ITEM(kept, 0));
    return PyErr_Occurred() ? NULL : signature_from(native.ctypes_signature_of, (PyObject *)cls);
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
    closure = closure_make(signature, callable, closure_name_of(callable), &code);
    Py_DECREF(signature);
    if (!closure)
        return NULL;
    instance = ctypes_pointer(cls, code, (PyObject *)closure);
    Py_DECREF(closure);
    return instance;
}
