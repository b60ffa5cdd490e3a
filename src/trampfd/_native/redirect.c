/* SPDX-License-Identifier: MIT */
/*
 * What install() changes in cffi and ctypes: three function pointers, none of them in
 * code or in an object's private fields.
 *
 * cffi: the ml_meth of the PyMethodDef behind _cffi_backend.callback and behind the
 * method FFI.callback.  A reference that a program took earlier leads to the same
 * PyMethodDef.
 *
 * ctypes: tp_new of _ctypes.CFuncPtr and of the classes that inherited it.
 */
#include "native.h"

/* A redirected PyMethodDef; `method` is NULL while it is not redirected. */
struct redirection {
    PyMethodDef *method;
    PyCFunction original;
    PyObject *replacement;
};

static struct redirection backend_callback, ffi_callback;
static newfunc original_new;   /* NULL until _ctypes is seen */
static PyObject *replacement_new;

/* In another interpreter of the process everything stays as it was. */
static int is_main_interpreter(void)
{
    return PyInterpreterState_Get() == PyInterpreterState_Main();
}

static PyObject *call_backend_callback(PyObject *self, PyObject *args)
{
    if (!is_main_interpreter())
        return backend_callback.original(self, args);
    return PyObject_Call(backend_callback.replacement, args, NULL);
}

/* replacement(ffi, ...) */
static PyObject *call_ffi_callback(PyObject *self, PyObject *args, PyObject *kwargs)
{
    PyObject *bound, *result;

    if (!is_main_interpreter())
        return ((PyCFunctionWithKeywords)(void (*)(void))ffi_callback.original)(self, args, kwargs);
    bound = PyMethod_New(ffi_callback.replacement, self);
    result = bound ? PyObject_Call(bound, args, kwargs) : NULL;
    Py_XDECREF(bound);
    return result;
}

static void redirect(struct redirection *redirection, PyMethodDef *method, PyCFunction function,
                     PyObject *replacement)
{
    if (!redirection->method) {
        redirection->method = method;
        redirection->original = method->ml_meth;
    }
    Py_INCREF(replacement);
    Py_XSETREF(redirection->replacement, replacement);
    method->ml_meth = function;
}

static void restore(struct redirection *redirection)
{
    if (redirection->method)
        redirection->method->ml_meth = redirection->original;
    redirection->method = NULL;
}

/* redirect_cffi(_cffi_backend.callback, FFI.callback, replacement, replacement) */
PyObject *redirect_cffi(PyObject *module, PyObject *args)
{
    PyObject *function, *descriptor, *on_backend, *on_ffi;
    PyMethodDef *of_backend, *of_ffi;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!OO:redirect_cffi", &PyCFunction_Type, &function,
                          &PyMethodDescr_Type, &descriptor, &on_backend, &on_ffi))
        return NULL;
    of_backend = ((PyCFunctionObject *)function)->m_ml;
    of_ffi = ((PyMethodDescrObject *)descriptor)->d_method;
    if (of_backend->ml_flags != METH_VARARGS || of_ffi->ml_flags != (METH_VARARGS | METH_KEYWORDS)) {
        PyErr_SetString(PyExc_RuntimeError,
                        "this version of cffi declares ffi.callback in a way that trampfd does "
                        "not know; use trampfd.callback() instead of install()");
        return NULL;
    }
    redirect(&backend_callback, of_backend, call_backend_callback, on_backend);
    redirect(&ffi_callback, of_ffi, (PyCFunction)(void (*)(void))call_ffi_callback, on_ffi);
    Py_RETURN_NONE;
}

PyObject *restore_cffi(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    restore(&backend_callback);
    restore(&ffi_callback);
    Py_RETURN_NONE;
}

/*
 * Calls of a function pointer class with one callable make a callback; an integer, a
 * tuple (symbol of a library) or nothing make other things, and errors, all left to ctypes.
 */
static PyObject *new_function_pointer(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *only = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL;

    if (!only || PyLong_Check(only) || PyTuple_Check(only) || !PyCallable_Check(only)
        || !is_main_interpreter())
        return original_new(type, args, kwargs);
    return PyObject_CallFunctionObjArgs(replacement_new, (PyObject *)type, only, NULL);
}

/* redirect_new(class, replacement): only if the class has ctypes' own tp_new. */
PyObject *redirect_new(PyObject *module, PyObject *args)
{
    PyTypeObject *type;
    PyObject *replacement;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!O:redirect_new", &PyType_Type, &type, &replacement))
        return NULL;
    if (!original_new)
        original_new = type->tp_new; /* the first class is _ctypes.CFuncPtr itself */
    Py_INCREF(replacement);
    Py_XSETREF(replacement_new, replacement);
    if (type->tp_new == original_new) {
        type->tp_new = new_function_pointer;
        PyType_Modified(type);
    }
    Py_RETURN_NONE;
}

PyObject *restore_new(PyObject *module, PyObject *type)
{
    (void)module;
    if (!PyType_Check(type)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not %R", type);
        return NULL;
    }
    if (((PyTypeObject *)type)->tp_new == new_function_pointer) {
        ((PyTypeObject *)type)->tp_new = original_new;
        PyType_Modified((PyTypeObject *)type);
    }
    Py_RETURN_NONE;
}
