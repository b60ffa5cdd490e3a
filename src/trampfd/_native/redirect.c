/* SPDX-License-Identifier: MIT */
/*
 * The function pointers that install() changes in cffi and ctypes.  None of them is in code or in
 * an object's private fields.
 *
 * cffi: the ml_meth of the PyMethodDef behind _cffi_backend.callback, behind the method
 * FFI.callback, and behind the decorators that it returns.  A reference that a program took
 * earlier leads to the same PyMethodDef.  Callbacks of cffi name their function in their repr; to
 * do the same, tp_repr of the type of cdata with a destructor, which those of trampfd are.
 *
 * ctypes: tp_new of _ctypes.CFuncPtr and of the classes that inherited it.
 */
#include "callee.h"
#include "frontend.h"
#include "interpreter.h"
#include "module.h"
#include "state.h"

/*
 * What is changed in cffi, and before CPython 3.13 in ctypes, is the same in all interpreters.  Those
 * that have not installed trampfd get what they would get without it.
 */
static const struct interpreter *active_for_cffi(void)
{
    const struct interpreter *interpreter = interpreter_now();

    return interpreter && interpreter->of.cffi_is_active ? interpreter : NULL;
}

static int is_active_for_ctypes(void)
{
    const struct interpreter *interpreter = interpreter_now();

    return interpreter && interpreter->of.new_is_active;
}

/* Is either in force anywhere else? */
static int is_active_elsewhere(void)
{
    const struct interpreter *interpreter = &interpreter_main;

    while (interpreter
           && (interpreter == interpreter_now() || !atomic_load(&interpreter->state)
               || (!interpreter->of.cffi_is_active && !interpreter->of.new_is_active)))
        interpreter = atomic_load(&interpreter->next);
    return interpreter != NULL;
}

/* Arguments are parsed as cffi parses them, so that its errors are the same. */
static PyObject *call_backend_callback(PyObject *self, PyObject *args)
{
    PyObject *ctype, *callable, *error = Py_None, *onerror = Py_None;
    const struct interpreter *interpreter = active_for_cffi();
    PyTypeObject *type;

    if (!interpreter)
        return native.backend_callback.original(self, args);
    type = interpreter->of.cffi_type;
    if (PyTuple_GET_SIZE(args) == 4 /* as cffi.FFI does */
        && Py_IS_TYPE(PyTuple_GET_ITEM(args, 0), type))
        return cffi_make(PyTuple_GET_ITEM(args, 0), PyTuple_GET_ITEM(args, 1),
                         PyTuple_GET_ITEM(args, 2), PyTuple_GET_ITEM(args, 3));
    if (!PyArg_ParseTuple(args, "O!O|OO:callback", type, &ctype, &callable, &error, &onerror))
        return NULL;
    return cffi_make(ctype, callable, error, onerror);
}

/* A decorator is bound to (ctype, None, error, onerror). */
static PyObject *call_ffi_decorator(PyObject *bound, PyObject *callable)
{
    if (!active_for_cffi())
        return native.ffi_decorator.original(bound, callable);
    return cffi_make(PyTuple_GET_ITEM(bound, 0), callable, PyTuple_GET_ITEM(bound, 2),
                     PyTuple_GET_ITEM(bound, 3));
}

/* What FFI.callback() was called with. */
struct ffi_arguments {
    PyObject *declaration, *callable, *error, *onerror;
};

static int parse_ffi_arguments(PyObject *args, PyObject *kwargs, struct ffi_arguments *parsed)
{
    static const char *const keywords[] = {"cdecl", "python_callable", "error", "onerror", NULL};

    *parsed = (struct ffi_arguments){NULL, Py_None, Py_None, Py_None};
    if (!kwargs && PyTuple_GET_SIZE(args) == 2) { /* as nearly all do */
        parsed->declaration = PyTuple_GET_ITEM(args, 0);
        parsed->callable = PyTuple_GET_ITEM(args, 1);
        return 1;
    }
    return PyArg_ParseTupleAndKeywords(args, kwargs, "O|OOO", (char **)keywords,
                                       &parsed->declaration, &parsed->callable, &parsed->error,
                                       &parsed->onerror);
}

/*
 * The type that a declaration names.  NULL without an exception where ffi.typeof() does not take it
 * for one: "int(int)" may still be the declaration of a callback, and what is none is refused there.
 */
static PyObject *type_named(PyObject *ffi, PyObject *declaration)
{
    PyObject *type = native.ffi_typeof && PyUnicode_CheckExact(declaration)
                         ? native.ffi_typeof(ffi, declaration)
                         : NULL;

    if (PyErr_Occurred() && PyErr_ExceptionMatches(PyExc_Exception))
        PyErr_Clear();
    return type;
}

/* Only cffi can read a declaration as it does for callbacks: without a callable it does nothing
   else, and gives a decorator. */
static PyObject *make_decorator(PyObject *ffi, const struct ffi_arguments *parsed)
{
    PyCFunctionWithKeywords original =
        (PyCFunctionWithKeywords)(void (*)(void))native.ffi_callback.original;
    int is_plain = parsed->error == Py_None && parsed->onerror == Py_None;
    PyObject *args = PyTuple_Pack(is_plain ? 1 : 4, parsed->declaration, Py_None, parsed->error,
                                  parsed->onerror);
    PyObject *decorator = args ? original(ffi, args, NULL) : NULL;

    Py_XDECREF(args);
    return decorator;
}

static PyObject *call_ffi_callback(PyObject *self, PyObject *args, PyObject *kwargs)
{
    struct ffi_arguments parsed;
    PyObject *decorator, *type, *result;
    const struct interpreter *interpreter = active_for_cffi();

    if (!interpreter)
        return ((PyCFunctionWithKeywords)(void (*)(void))native.ffi_callback.original)(self, args,
                                                                                       kwargs);
    if (!parse_ffi_arguments(args, kwargs, &parsed))
        return NULL;
    if (parsed.callable != Py_None && Py_IS_TYPE(parsed.declaration, interpreter->of.cffi_type))
        return cffi_make(parsed.declaration, parsed.callable, parsed.error, parsed.onerror);
    type = parsed.callable != Py_None ? type_named(self, parsed.declaration) : NULL;
    if (type) {
        result = cffi_make(type, parsed.callable, parsed.error, parsed.onerror);
        Py_DECREF(type);
        return result;
    }
    if (PyErr_Occurred())
        return NULL;
    decorator = make_decorator(self, &parsed);
    if (!decorator || parsed.callable == Py_None)
        return decorator;
    result = cffi_make(PyTuple_GET_ITEM(PyCFunction_GET_SELF(decorator), 0), parsed.callable,
                       parsed.error, parsed.onerror);
    Py_DECREF(decorator);
    return result;
}

static int visit_closure(PyObject *object, void *closure)
{
    if (!owner_is_closure(object))
        return 0;
    *(Closure **)closure = (Closure *)object;
    return 1;
}

/* `<cdata 'int(*)(int)' 0x...>`, with the callable of a callback instead of its address. */
static PyObject *name_callable(PyObject *plain, PyObject *callable)
{
    PyObject *before_address = PyUnicode_FromString("' ");
    Py_ssize_t length = PyUnicode_GetLength(plain);
    Py_ssize_t end = before_address ? PyUnicode_Find(plain, before_address, 0, length, -1) : -2;
    PyObject *type = end >= 0 ? PyUnicode_Substring(plain, 0, end) : NULL;
    PyObject *text = type ? PyUnicode_FromFormat("%U' calling %R>", type, callable) : NULL;

    if (end == -1) { /* not the text of the known releases of cffi */
        text = plain;
        Py_INCREF(text);
    }
    Py_XDECREF(type);
    Py_XDECREF(before_address);
    return text;
}

/* tp_traverse of a cdata visits its destructor, which is found in this way. */
static PyObject *repr_owner(PyObject *cdata)
{
    PyObject *plain = native.original_repr(cdata);
    PyObject *text, *callable = NULL;
    Closure *closure = NULL;

    if (!plain || !interpreter_now())
        return plain;
    Py_BEGIN_CRITICAL_SECTION(cdata);
    Py_TYPE(cdata)->tp_traverse(cdata, visit_closure, &closure);
    if (closure)
        callable = callee_callable(closure);
    Py_END_CRITICAL_SECTION();
    if (!callable)
        return plain;
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

/* If another function was installed over ours, it keeps calling ours. */
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
    __atomic_store_n(&method->ml_meth, function, __ATOMIC_RELEASE);
}

static void restore(struct redirection *redirection)
{
    if (redirection->method)
        __atomic_store_n(&redirection->method->ml_meth, redirection->original, __ATOMIC_RELEASE);
    redirection->method = NULL;
}

/*
 * redirect_cffi(_cffi_backend.callback, FFI.callback, FFI.typeof, a decorator, CType, the type of
 *               cdata with a destructor)
 * Raises TypeError, with nothing changed, for a cffi that declares them differently.
 */
static PyObject *redirect_cffi(PyObject *module, PyObject *args)
{
    PyObject *function, *method, *typeof_, *decorator, *type, *owner;
    PyMethodDef *of_backend, *of_ffi, *of_decorator;

    (void)module;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!:redirect_cffi", &PyCFunction_Type, &function,
                          &PyMethodDescr_Type, &method, &PyMethodDescr_Type, &typeof_,
                          &PyCFunction_Type, &decorator, &PyType_Type, &type, &PyType_Type, &owner))
        return NULL;
    of_backend = ((PyCFunctionObject *)function)->m_ml;
    of_ffi = ((PyMethodDescrObject *)method)->d_method;
    of_decorator = ((PyCFunctionObject *)decorator)->m_ml;
    if (of_backend->ml_flags != METH_VARARGS || of_ffi->ml_flags != (METH_VARARGS | METH_KEYWORDS)
        || of_decorator->ml_flags != METH_O) {
        PyErr_SetString(PyExc_TypeError, "these functions have unexpected calling conventions");
        return NULL;
    }
    Py_INCREF(type);
    interpreter_set(&interpreter_now()->of.cffi_type, type);
    native.ffi_typeof = ((PyMethodDescrObject *)typeof_)->d_method->ml_flags == METH_O
                            ? ((PyMethodDescrObject *)typeof_)->d_method->ml_meth
                            : NULL;
    redirect(&native.backend_callback, of_backend, call_backend_callback);
    redirect(&native.ffi_callback, of_ffi, (PyCFunction)(void (*)(void))call_ffi_callback);
    redirect(&native.ffi_decorator, of_decorator, call_ffi_decorator);
    redirect_repr((PyTypeObject *)owner);
    interpreter_now()->of.cffi_is_active = 1;
    Py_RETURN_NONE;
}

static PyObject *restore_cffi(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    interpreter_now()->of.cffi_is_active = 0;
    if (is_active_elsewhere())
        Py_RETURN_NONE;
    restore(&native.backend_callback);
    restore(&native.ffi_callback);
    restore(&native.ffi_decorator);
    restore_repr();
    Py_RETURN_NONE;
}

/*
 * Calling a function pointer class with one callable makes a callback.  Calls with an integer, with
 * a tuple (symbol of a library), or without arguments are left to ctypes, and so are errors.
 */
static PyObject *new_function_pointer(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *only = PyTuple_GET_SIZE(args) == 1 ? PyTuple_GET_ITEM(args, 0) : NULL;

    if (!only || PyLong_Check(only) || PyTuple_Check(only) || !PyCallable_Check(only)
        || !is_active_for_ctypes())
        return native.original_new.is(type, args, kwargs);
    return ctypes_make(type, only);
}

int redirect_init(PyTypeObject *base)
{
    if (native.original_new.is) /* only once: later it may be our function */
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
    interpreter_now()->of.new_is_active = active;
    Py_RETURN_NONE;
}

/* redirect_new(class): only if the class has ctypes' own tp_new. */
static PyObject *redirect_new(PyObject *module, PyObject *type)
{
    (void)module;
    if (!PyType_Check(type)) {
        PyErr_Format(PyExc_TypeError, "expected a class, not %R", type);
        return NULL;
    }
    if (((PyTypeObject *)type)->tp_new == native.original_new.is) {
        ((PyTypeObject *)type)->tp_new = new_function_pointer;
        PyType_Modified((PyTypeObject *)type);
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
    if (((PyTypeObject *)type)->tp_new == new_function_pointer && !is_active_elsewhere()) {
        ((PyTypeObject *)type)->tp_new = native.original_new.is;
        PyType_Modified((PyTypeObject *)type);
    }
    Py_RETURN_NONE;
}

const PyMethodDef redirect_functions[] = {
    {"redirect_cffi", redirect_cffi, METH_VARARGS,
     PyDoc_STR(
         "redirect_cffi(function, method, typeof, decorator, ctype_class, owner_class)\n--\n\n"
         "Let _cffi_backend.callback, FFI.callback and its decorators make callbacks of\n"
         "trampfd, and the repr of these, which are of owner_class, name the callable.")},
    {"restore_cffi", restore_cffi, METH_NOARGS,
     PyDoc_STR("restore_cffi()\n--\n\nUndo redirect_cffi().")},
    {"activate_new", activate_new, METH_O,
     PyDoc_STR("activate_new(flag)\n--\n\nMake the redirections of redirect_new() count, or not.")},
    {"redirect_new", redirect_new, METH_O,
     PyDoc_STR("redirect_new(cls)\n--\n\nLet cls(callable) make callbacks of trampfd.")},
    {"restore_new", restore_new, METH_O, PyDoc_STR("restore_new(cls)\n--\n\nUndo redirect_new().")},
    {NULL, NULL, 0, NULL},
};
