/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Bound(signature, function, data, position, name, kept): owns a bound function
 * and what it needs.  A call never comes here.
 *
 * cffi keeps it as the destructor of a cdata, ctypes as the exporter of the buffer that holds
 * the function pointer, as they do a Closure.
 */
#include "error.h"
#include "frontend.h"
#include "module.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    Signature *signature;
    PyObject *kept; /* what the function and its argument live by */
    void (*function)(void);
    void *data;
    enum trampfd_position position;
    void *closure;  /* NULL once it is freed */
    void *code;     /* what the buffer protocol shows: the function pointer */
    char name[40];  /* for the message of the dead entry */
} Bound;

static void raise_refusal(const struct trampfd_trail *trail, int error)
{
    if (error == ENOTSUP)
        PyErr_SetString(PyExc_NotImplementedError,
                        "libffi cannot call this function with one argument bound: its ABI has no "
                        "closures, or libffi would garble its structures");
    else if (trail->count == 0)
        PyErr_Format(PyExc_ValueError, "cannot bind the argument (%s)", strerror(error));
    else
        error_refused("bound function", trail, error);
}

static PyObject *bound_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function_address, *data_value, *kept;
    struct trampfd_trail trail;
    void *function, *data;
    Signature *signature;
    const char *name;
    int is_last;
    Bound *self;

    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Bound() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!OOpsO:Bound", &Signature_Type, &signature, &function_address,
                          &data_value, &is_last, &name, &kept))
        return NULL;
    function = PyLong_AsVoidPtr(function_address);
    data = PyErr_Occurred() ? NULL : PyLong_AsVoidPtr(data_value);
    if (PyErr_Occurred())
        return NULL;
    self = (Bound *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    Py_INCREF(signature);
    self->signature = signature;
    Py_INCREF(kept);
    self->kept = kept;
    strncpy(self->name, name, sizeof(self->name) - 1);
    self->function = (void (*)(void))function;
    self->data = data;
    self->position = is_last ? TRAMPFD_LAST : TRAMPFD_FIRST;
    self->closure = trampfd_bind(&signature->cif, self->function, data, self->position,
                                 &self->code, &trail);
    if (!self->closure) {
        raise_refusal(&trail, errno);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static void free_now(Bound *self)
{
    void *closure = self->closure;

    self->closure = NULL;
    trampfd_closure_free_named(closure, self->name);
}

/*
 * C libraries call back at exit, when the interpreter has dropped everything.  What goes during
 * finalisation stays callable, with all it needs, until the process ends.
 */
static int stays(const Bound *self)
{
    return self->closure && Py_IsFinalizing();
}

static int bound_traverse(Bound *self, visitproc visit, void *arg)
{
    Py_VISIT(self->signature);
    Py_VISIT(self->kept);
    return 0;
}

static int bound_clear(Bound *self)
{
    if (stays(self))
        return 0;
    free_now(self);
    Py_CLEAR(self->kept);
    return 0;
}

static void bound_dealloc(Bound *self)
{
    PyObject_GC_UnTrack(self);
    if (!stays(self)) {
        bound_clear(self);
        Py_XDECREF(self->signature);
    }
    Py_TYPE(self)->tp_free((PyObject *)self);
}

/* As a destructor of ffi.gc(): called with the cdata that it is the destructor of. */
static PyObject *bound_call(Bound *self, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    bound_clear(self);
    Py_RETURN_NONE;
}

static int bound_getbuffer(Bound *self, Py_buffer *view, int flags)
{
    return PyBuffer_FillInfo(view, (PyObject *)self, &self->code, sizeof(self->code), 0, flags);
}

static PyObject *bound_cdata(Bound *self, PyObject *ctype)
{
    return cffi_pointer(self->code, ctype);
}

static PyObject *bound_verify(Bound *self, PyObject *unused)
{
    struct trampfd_verdict verdict;
    int error;

    (void)unused;
    if (!self->closure)
        return verdict_of_freed();
    error = trampfd_bind_verify(self->closure, self->code, &self->signature->cif, self->function,
                                self->data, self->position, &verdict);
    return verdict_tuple(self->code, error, &verdict);
}

static const PyMethodDef bound_methods[] = {
    {"verify", (PyCFunction)bound_verify, METH_NOARGS,
     PyDoc_STR("verify()\n--\n\nAs Closure.verify().")},
    {"cdata", (PyCFunction)bound_cdata, METH_O,
     PyDoc_STR("cdata(ctype)\n--\n\nThe function pointer as a cdata; it does not keep the "
               "bound function alive.")},
    {NULL, NULL, 0, NULL},
};

static const PyBufferProcs bound_as_buffer = {
    .bf_getbuffer = (getbufferproc)bound_getbuffer,
};

PyTypeObject Bound_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "trampfd._native.Bound",
    .tp_doc = PyDoc_STR("Bound(signature, function, data, is_last, name, kept)\n--\n\n"
                        "Owner of one bound function; calling it frees the function."),
    .tp_basicsize = sizeof(Bound),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = bound_new,
    .tp_dealloc = (destructor)bound_dealloc,
    .tp_traverse = (traverseproc)bound_traverse,
    .tp_clear = (inquiry)bound_clear,
    .tp_call = (ternaryfunc)bound_call,
    .tp_methods = (PyMethodDef *)bound_methods,
    .tp_as_buffer = (PyBufferProcs *)&bound_as_buffer,
};

/* A C function whose result is its argument: what ctypes makes of an object can be seen by it. */
static uintptr_t identity(uintptr_t word)
{
    return word;
}

static PyObject *get_identity(PyObject *module, PyObject *unused)
{
    (void)module;
    (void)unused;
    return PyLong_FromVoidPtr((void *)identity);
}

const PyMethodDef bind_functions[] = {
    {"identity", get_identity, METH_NOARGS,
     PyDoc_STR("identity()\n--\n\nThe address of a C function whose result, a word, is its "
               "argument.")},
    {NULL, NULL, 0, NULL},
};
