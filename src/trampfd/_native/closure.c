/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Closure(signature, callable, error, onerror): owns one closure and
 * what it calls.
 *
 * A call holds a reference, so a closure that loses its last one inside its own call is
 * freed when that call returns.
 *
 * The end of the interpreter drops every object, but C libraries call back later: from their
 * own threads at any time, and at exit.  What is dropped after finalisation has begun goes only
 * as far as Python code can notice.  The callable goes, and what it holds; the closure, the memory
 * of this object, of its signature and of its error value stay until the process ends, so a
 * call finds that there is no callable and returns the error value.  A thread that is not
 * attached may read all of these once it has seen that the interpreter is finalising: what was
 * freed was freed before that, under the interpreter's lock, and its record says so.
 */
#include "error.h"
#include "frontend.h"
#include "late.h"
#include "state.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* What a message calls a callable.  No code of the program runs for it. */
static const char *name_of(PyObject *callable)
{
    if (PyMethod_Check(callable))
        callable = PyMethod_GET_FUNCTION(callable);
    if (PyCFunction_Check(callable))
        return ((PyCFunctionObject *)callable)->m_ml->ml_name;
    if (PyFunction_Check(callable)) {
        const char *name = PyUnicode_AsUTF8(((PyFunctionObject *)callable)->func_qualname);

        if (name)
            return name;
        PyErr_Clear(); /* no memory, or a name that is not Unicode */
    }
    return Py_TYPE(callable)->tp_name;
}

/* Of closures of this signature. */
static ffi_cif *cif_of(Signature *signature)
{
    return signature->late ? &signature->late->cif : &signature->cif;
}

static tfd_dispatch *dispatch_of(const Signature *signature)
{
    return signature->late ? signature->frontend->dispatch_late : signature->frontend->dispatch;
}

/*
 * A plan takes memory.  Without one libffi would enter the closure, with arguments as the cif of
 * its `late` says, which are not those of a call.
 */
static int lacks_plan(const Closure *self)
{
    struct trampfd_closure closure;

    return self->owner.signature->late
           && (trampfd_closure_read(self->owner.code, &closure)
               || closure.entry != TRAMPFD_ENTRY_PLAN);
}

static PyObject *closure_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *callable, *error, *onerror;
    struct trampfd_trail trail;
    Signature *signature;
    Closure *self;
    int status;

    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Closure() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O!OOO:Closure", &Signature_Type, &signature, &callable, &error,
                          &onerror))
        return NULL;
    self = owner_new(type, signature, callable, name_of(callable));
    if (!self)
        return NULL;
    if (signature->frontend->prepare(self, error, onerror))
        goto error;

    self->owner.closure = trampfd_closure_alloc(sizeof(ffi_closure), &self->owner.code, &trail);
    if (!self->owner.closure) {
        error_refused("closure", &trail, errno);
        goto error;
    }
    status = tfd_closure_prep(self->owner.closure, cif_of(signature), signature->frontend->handler,
                              self, dispatch_of(signature));
    if (status) {
        PyErr_Format(PyExc_NotImplementedError,
                     "libffi cannot make a closure of this function type (%s)", strerror(-status));
        goto error;
    }
    if (lacks_plan(self)) {
        PyErr_NoMemory();
        goto error;
    }
    return (PyObject *)self;

error:
    Py_DECREF(self);
    return NULL;
}

void closure_refuse(const Closure *self, void *result, const char *why)
{
    char message[200];

    self->owner.signature->frontend->return_error_value(self, result);
    if (atomic_exchange(&native.refusal_is_told, 1))
        return;
    snprintf(message, sizeof(message),
             "trampfd: the callback %s was called %s; it returned its error value\n",
             self->owner.name, why);
    if (write(STDERR_FILENO, message, strlen(message)) < 0)
        return; /* no standard error: nobody to tell */
}

static int closure_traverse(Closure *self, visitproc visit, void *arg)
{
    Py_VISIT(self->onerror);
    return owner_traverse(&self->owner, visit, arg);
}

static int closure_clear(Closure *self)
{
    owner_free(&self->owner);
    Py_CLEAR(self->owner.kept);
    Py_CLEAR(self->onerror);
    return 0;
}

static void closure_dealloc(Closure *self)
{
    PyObject_GC_UnTrack(self);
    closure_clear(self);
    Py_XDECREF(self->owner.signature);
    if (self->owner.closure) /* at the end of the interpreter: the memory stays */
        return;
    Py_XDECREF(self->error);
    Py_TYPE(self)->tp_free((PyObject *)self);
}

static int compare(const struct owner *self, struct trampfd_verdict *verdict)
{
    Signature *signature = self->signature;

    return tfd_closure_verify(self->code, cif_of(signature), signature->frontend->handler,
                              (void *)self, dispatch_of(signature), verdict);
}

static PyObject *closure_verify(struct owner *self, PyObject *unused)
{
    (void)unused;
    return owner_verify(self, compare);
}

static const PyMethodDef closure_methods[] = {
    {"verify", (PyCFunction)closure_verify, METH_NOARGS, owner_verify_doc},
    {"cdata", (PyCFunction)owner_cdata, METH_O, owner_cdata_doc},
    {NULL, NULL, 0, NULL},
};

PyTypeObject Closure_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "trampfd._native.Closure",
    .tp_doc = PyDoc_STR("Closure(signature, callable, error, onerror)\n--\n\n"
                        "Owner of one closure; calling it frees the closure."),
    .tp_basicsize = sizeof(Closure),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = closure_new,
    .tp_dealloc = (destructor)closure_dealloc,
    .tp_traverse = (traverseproc)closure_traverse,
    .tp_clear = (inquiry)closure_clear,
    .tp_call = (ternaryfunc)owner_call,
    .tp_methods = (PyMethodDef *)closure_methods,
    .tp_as_buffer = (PyBufferProcs *)&owner_as_buffer,
};
