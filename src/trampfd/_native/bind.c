/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Bound(signature, function, data, position, name, kept): owns a bound function
 * and the objects it needs.  Calls do not involve this object.
 */
#include "error.h"
#include "frontend.h"
#include "interpreter.h"
#include "module.h"
#include "origin.h"

#include <string.h>

typedef struct {
    struct owner owner;
    void (*function)(void);
    void *data;
    enum trampfd_position position;
    void *code; /* the function pointer */
} Bound;

static void raise_refusal(const struct trampfd_trail *trail, int error)
{
    if (error == ENOTSUP)
        PyErr_SetString(PyExc_NotImplementedError,
                        "libffi cannot call this function with one argument bound: its ABI has no "
                        "closures, or libffi would pass its structures incorrectly");
    else if (trail->count == 0)
        PyErr_Format(PyExc_ValueError, "cannot bind the argument (%s)", strerror(error));
    else
        error_refused("bound function", trail, error);
}

static PyObject *bound_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *function_address, *data_value, *name, *kept;
    struct trampfd_trail trail;
    void *function, *data;
    Signature *signature;
    int is_last;
    Bound *self;

    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Bound() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!OOpUO:Bound", interpreter_now()->of.signature_type, &signature,
                          &function_address, &data_value, &is_last, &name, &kept))
        return NULL;
    function = PyLong_AsVoidPtr(function_address);
    data = PyErr_Occurred() ? NULL : PyLong_AsVoidPtr(data_value);
    if (PyErr_Occurred() || !PyUnicode_AsUTF8(name)) /* see owner_name() */
        return NULL;
    self = (Bound *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->owner.signature = (Signature *)Py_NewRef((PyObject *)signature);
    self->owner.kept = Py_NewRef(kept);
    self->owner.about = origin_made(Py_NewRef(name));
    self->function = (void (*)(void))function;
    self->data = data;
    self->position = is_last ? TRAMPFD_LAST : TRAMPFD_FIRST;
    if (!self->owner.about) {
        Py_DECREF(self);
        return NULL;
    }
    self->owner.closure =
        trampfd_bind(signature->cif, self->function, data, self->position, &self->code, &trail);
    if (!self->owner.closure) {
        raise_refusal(&trail, errno);
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

/*
 * C libraries call back at exit, after the interpreter has dropped everything.  Bound functions
 * that are dropped during finalization stay callable, with everything they need, until the process
 * ends.
 */
static int stays(const Bound *self)
{
    return self->owner.closure && interpreter_is_ending(self->owner.signature->result.interpreter);
}

static int bound_clear(Bound *self)
{
    if (stays(self))
        return 0;
    owner_free(&self->owner);
    Py_CLEAR(self->owner.kept);
    return 0;
}

void bound_dealloc(PyObject *object)
{
    Bound *self = (Bound *)object;
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    if (!stays(self)) {
        bound_clear(self);
        Py_DECREF(self->owner.signature);
        Py_XDECREF(self->owner.about);
    }
    type->tp_free(object);
    Py_DECREF(type);
}

static int compare(const struct owner *owner, void **code, struct trampfd_report *report)
{
    const Bound *self = (const Bound *)owner;

    *code = self->code;
    return trampfd_bind_verify(owner->closure, self->code, owner->signature->cif, self->function,
                               self->data, self->position, report);
}

static PyObject *bound_cdata(Bound *self, PyObject *ctype)
{
    return cffi_pointer(self->code, ctype);
}

static PyObject *bound_instance(PyObject *self, PyObject *cls)
{
    if (!PyType_Check(cls))
        return PyErr_Format(PyExc_TypeError, "expected a class, not %R", cls);
    return ctypes_pointer((PyTypeObject *)cls, ((Bound *)self)->code, self);
}

static PyObject *bound_verify(struct owner *self, PyObject *unused)
{
    (void)unused;
    return owner_verify(self, compare);
}

static const PyMethodDef bound_methods[] = {
    {"verify", (PyCFunction)bound_verify, METH_NOARGS, owner_verify_doc},
    {"cdata", (PyCFunction)bound_cdata, METH_O,
     PyDoc_STR("cdata(ctype)\n--\n\nThe function pointer as a cdata, which does not keep it "
               "alive.")},
    {"instance", bound_instance, METH_O,
     PyDoc_STR("instance(cls)\n--\n\nThe function pointer as an instance of a class of ctypes, "
               "which keeps it alive.")},
    {NULL, NULL, 0, NULL},
};

static const PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Bound(signature, function, data, is_last, name, kept)\n--\n\n"
                                  "Owner of one bound function; calling it frees the function.")},
    {Py_tp_new, bound_new},
    {Py_tp_dealloc, bound_dealloc},
    {Py_tp_traverse, owner_traverse},
    {Py_tp_clear, bound_clear},
    {Py_tp_call, owner_call},
    {Py_tp_methods, (void *)bound_methods},
    {0, NULL},
};

PyType_Spec bound_spec = {
    .name = "trampfd._native.Bound",
    .basicsize = sizeof(Bound),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | COMPAT_IMMUTABLE,
    .slots = (PyType_Slot *)slots,
};

/* A C function that returns its argument: it shows how ctypes converts an object. */
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
