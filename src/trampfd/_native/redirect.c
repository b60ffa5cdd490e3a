/* SPDX-License-Identifier: MIT */
/*
 * What install() changes in cffi and ctypes: function pointers, none of them in code or in
 * an object's private fields.
 *
 * cffi: the ml_meth of the PyMethodDef behind _cffi_backend.callback, behind the method
 * FFI.callback, and behind the decorators that it gives.  A reference that a program took
 * earlier leads to the same PyMethodDef.  Callbacks of cffi name their function in their repr; to
 * do the same, tp_repr of the type of cdata with a destructor, which those of trampfd are.
 *
 * ctypes: tp_new of _ctypes.CFuncPtr and of the classes that inherited it.
 */
#include "module.h"
#include "owner.h"
#include "state.h"

/* In another interpreter of the process everything stays as it was. */
static int is_main_interpreter(void)
{
    return PyInterpreterState_Get() == PyInterpreterState_Main();
}

static PyObject *make_callback(PyObject *ctype, PyObject *callable, PyObject *error,
                               PyObject *onerror)
{
    return PyObject_CallFunctionObjArgs(native.replacement_callback, ctype, callable, error,
                                        onerror, NULL);
}

/* Arguments are parsed as cffi parses them, so that its errors are the same. */
static PyObject *call_backend_callback(PyObject *self, PyObject *args)
{
    PyObject *ctype, *callable, *error = Py_None, *onerror = Py_None;

    if (!is_main_interpreter())
        return native.backend_callback.original(self, args);
    if (!PyArg_ParseTuple(args, "O!O|OO:callback", native.cffi_type, &ctype, &callable, &error,
                          &onerror))
        return NULL;
    return make_callback(ctype, callable, error, onerror);
}

/* The decorator is bound to (ctype, None, error, onerror). */
static PyObject *call_ffi_decorator(PyObject *bound, PyObject *callable)
{
    if (!is_main_interpreter())
        return native.ffi_decorator.original(bound, callable);
    return make_callback(PyTuple_GET_ITEM(bound, 0), callable, PyTuple_GET_ITEM(bound, 2),
                         PyTuple_GET_ITEM(bound, 3));
}

/*
 * Only cffi can read a declaration as it does for callbacks.  Called without a callable it
 * does nothing else, and gives a decorator.
 */
static PyObject *call_ffi_callback(PyObject *self, PyObject *args, PyObject *kwargs)
{
    static const char *const keywords[] = {"cdecl", "python_callable", "error", "onerror", NULL};
    PyCFunctionWithKeywords original =
        (PyCFunctionWithKeywords)(void (*)(void))native.ffi_callback.original;
    PyObject *declaration, *callable = Py_None, *error = Py_None, *onerror = Py_None;
    PyObject *without_callable, *decorator, *result;

    if (!is_main_interpreter())
        return original(self, args, kwargs);
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOO", (char **)keywords, &declaration,
                                     &callable, &error, &onerror))
        return NULL;
    without_callable = PyTuple_Pack(4, declaration, Py_None, error, onerror);
    decorator = without_callable ? original(self, without_callable, NULL) : NULL;
    Py_XDECREF(without_callable);
    if (!decorator || callable == Py_None)
        return decorator;
    result = PyObject_CallFunctionObjArgs(decorator, callable, NULL);
    Py_DECREF(decorator);
    return result;
}

static int visit_closure(PyObject *object, void *closure)
{
    if (Py_TYPE(object) != &Closure_Type)
        return 0;
    *(Closure **)closure = (Closure *)object;
    return 1;
}

/* `<cdata 'int(*)(int)' 0x...>`, with what a callback calls in place of its address. */
static PyObject *name_callable(PyObject *plain, PyObject *callable)
{
    PyObject *before_address = PyUnicode_FromString("' ");
    Py_ssize_t length = PyUnicode_GetLength(plain);
    Py_ssize_t end = before_address ? PyUnicode_Find(plain, before_address, 0, length, -1) : -2;
    PyObject *type = end >= 0 ? PyUnicode_Substring(plain, 0, end) : NULL;
    PyObject *text = type ? PyUnicode_FromFormat("%U' calling %R>", type, callable) : NULL;

    if (end == -1) { /* another text than that of the cffi releases that are known */
        text = plain;
        Py_INCREF(text);
    }
    Py_XDECREF(type);
    Py_XDECREF(before_address);
    return text;
}

/* The collector is told of the destructor of a cdata, and so are we. */
static PyObject *repr_owner(PyObject *cdata)
{
    PyObject *plain = native.original_repr(cdata);
    Closure *closure = NULL;
    PyObject *callable, *text;

    if (!plain || !is_main_interpreter())
        return plain;
    Py_TYPE(cdata)->tp_traverse(cdata, visit_closure, &closure);
    callable = closure ? closure_callable(closure) : NULL;
    if (!callable)
        return plain;
    Py_INCREF(callable);
    text = name_callable(plain, callable);
    Py_DECREF(callable);
    Py_DECREF(plain);
    return text;
}

static void redirect_repr(PyTypeObject *type)
{
    if (native.owner_type || !type->tp_traverse)
        return;
    Py_INCREF(type);
    native.owner_type = type;
    native.original_repr = type->tp_repr;
    type->tp_repr = repr_owner;
}

/* Another that was put on top of ours leads to it for good. */
static void restore_repr(void)
{
    if (!native.owner_type || native.owner_type->tp_repr != repr_owner)
        return;
    native.owner_type->tp_repr = native.original_repr;
    Py_CLEAR(native.owner_type);
}

static void redirect(struct redirection *redirection, PyMethodDef *method, PyCFunction function)
{
    if (!redirection->method) {
        redirection->method = method;
        redirection->original = method->ml_meth;
    }
    method->ml_meth = function;
}

static void restore(struct redirection *redirection)
{
    if (redirection->method)
        redirection->method->ml_meth = redirection->original;
    redirection->method = NULL;
}

/*
 * redirect_cffi(_cffi_backend.callback, FFI.callback, a decorator, CType, the type of cdata
 *               with a destructor, replacement)
 * Raises TypeError, with nothing changed, for a cffi that declares them differently.
 */
static PyObject *redirect_cffi(PyObject *module, PyObject *args)
{
    PyObject *function, *method, *decorator, *type, *owner, *replacement;
    PyMethodDef *of_backend, *of_ffi, *of_decorator;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O:redirect_cffi", &PyCFunction_Type, &function,
                          &PyMethodDescr_Type, &method, &PyCFunction_Type, &decorator, &PyType_Type,
                          &type, &PyType_Type, &owner, &replacement))
        return NULL;
    of_backend = ((PyCFunctionObject *)function)->m_ml;
    of_ffi = ((PyMethodDescrObject *)method)->d_method;
    of_decorator = ((PyCFunctionObject *)decorator)->m_ml;
    if (of_backend->ml_flags != METH_VARARGS || of_ffi->ml_flags != (METH_VARARGS | METH_KEYWORDS)
        || of_decorator->ml_flags != METH_O) {
        PyErr_SetString(PyExc_TypeError, "other calling conventions than expected");
        return NULL;
    }
    Py_INCREF(type);
    Py_XSETREF(native.cffi_type, (PyTypeObject *)type);
    Py_INCREF(replacement);
    Py_XSETREF(native.replacement_callback, replacement);
    redirect(&native.backend_callback, of_backend, call_backend_callback);
    redirect(&native.ffi_callback, of_ffi, (PyCFunction)(void (*)(void))call_ffi_callback);
    redirect(&native.ffi_decorator, of_decorator, call_ffi_decorator);
    redirect_repr((PyTypeObject *)owner);
    Py_RETURN_NONE;
}

static PyObject *restore_cffi(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    restore(&native.backend_callback);
    restore(&native.ffi_callback);
    restore(&native.ffi_decorator);
    restore_repr();
    Py_RETURN_NONE;
}

/*
 * Calls of a function pointer class with one callable make a callback; an integer, a
 * tuple (symbol of a library) or nothing make other things, and errors, all left to ctypes.
 */
static PyObject *new_function_pointer(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *only = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL;

    if (!native.new_is_active || !only || PyLong_Check(only) || PyTuple_Check(only)
        || !PyCallable_Check(only) || !is_main_interpreter())
        return native.original_new.is(type, args, kwargs);
    return PyObject_CallFunctionObjArgs(native.replacement_new, (PyObject *)type, only, NULL);
}

int redirect_init(PyTypeObject *base)
{
    if (native.original_new.is) /* once: later it may be ours */
        return 0;
    return tfd_sealed_store(&native.original_new, &base->tp_new, sizeof(base->tp_new));
}

/* activate_new(flag): redirected classes make trampfd's callbacks, or ctypes' own. */
static PyObject *activate_new(PyObject *module, PyObject *flag)
{
    int active = PyObject_IsTrue(flag);

    (void)module;
    if (active < 0)
        return NULL;
    native.new_is_active = active;
    Py_RETURN_NONE;
}

/* redirect_new(class, replacement): only if the class has ctypes' own tp_new. */
static PyObject *redirect_new(PyObject *module, PyObject *args)
{
    PyTypeObject *type;
    PyObject *replacement;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!O:redirect_new", &PyType_Type, &type, &replacement))
        return NULL;
    Py_INCREF(replacement);
    Py_XSETREF(native.replacement_new, replacement);
    if (type->tp_new == native.original_new.is) {
        type->tp_new = new_function_pointer;
        PyType_Modified(type);
    }
    Py_RETURN_NONE;
}

static PyObject *restore_new(PyObject *module, PyObject *type)
{
    (void)module;
    if (!PyType_Check(type)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not %R", type);
        return NULL;
    }
    if (((PyTypeObject *)type)->tp_new == new_function_pointer) {
        ((PyTypeObject *)type)->tp_new = native.original_new.is;
        PyType_Modified((PyTypeObject *)type);
    }
    Py_RETURN_NONE;
}

const PyMethodDef redirect_functions[] = {
    {"redirect_cffi", redirect_cffi, METH_VARARGS,
     PyDoc_STR("redirect_cffi(function, method, decorator, ctype_class, owner_class, replacement)"
               "\n--\n\n"
               "Let _cffi_backend.callback, FFI.callback and its decorators make callbacks with\n"
               "replacement(ctype, callable, error, onerror), and the repr of these, which are of\n"
               "owner_class, name the callable.")},
    {"restore_cffi", restore_cffi, METH_NOARGS,
     PyDoc_STR("restore_cffi()\n--\n\nUndo redirect_cffi().")},
    {"activate_new", activate_new, METH_O,
     PyDoc_STR("activate_new(flag)\n--\n\nMake the redirections of redirect_new() count, or not.")},
    {"redirect_new", redirect_new, METH_VARARGS,
     PyDoc_STR("redirect_new(cls, replacement)\n--\n\n"
               "Let cls(callable) be replacement(cls, callable).")},
    {"restore_new", restore_new, METH_O, PyDoc_STR("restore_new(cls)\n--\n\nUndo redirect_new().")},
    {NULL, NULL, 0, NULL},
};
