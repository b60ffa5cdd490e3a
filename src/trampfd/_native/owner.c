/* SPDX-License-Identifier: MIT */
/* What Closure and Bound have in common. */
#include "owner.h"

#include "error.h"
#include "frontend.h"

#include <string.h>

void *owner_new(PyTypeObject *type, Signature *signature, PyObject *kept, const char *name)
{
    struct owner *self = (struct owner *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    Py_INCREF(signature);
    self->signature = signature;
    Py_INCREF(kept);
    self->kept = kept;
    strncpy(self->name, name, sizeof(self->name) - 1);
    return self;
}

void owner_free(struct owner *self)
{
    void *closure = self->closure && !Py_IsFinalizing() ? owner_take(&self->closure) : NULL;

    if (closure)
        trampfd_closure_free_named(closure, self->name);
}

int owner_traverse(struct owner *self, visitproc visit, void *arg)
{
    Py_VISIT(self->signature);
    Py_VISIT(self->kept);
    return 0;
}

/* As a destructor of ffi.gc(): called with the cdata that it is the destructor of. */
PyObject *owner_call(struct owner *self, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    owner_free(self);
    Py_RETURN_NONE;
}

static int getbuffer(struct owner *self, Py_buffer *view, int flags)
{
    return PyBuffer_FillInfo(view, (PyObject *)self, &self->code, sizeof(self->code), 0, flags);
}

const PyBufferProcs owner_as_buffer = {
    .bf_getbuffer = (getbufferproc)getbuffer,
};

const char owner_cdata_doc[] =
    PyDoc_STR("cdata(ctype)\n--\n\nThe function pointer as a cdata, which does not keep it alive.");

PyObject *owner_cdata(struct owner *self, PyObject *ctype)
{
    return cffi_pointer(self->code, ctype);
}

static PyObject *difference_list(const struct trampfd_verdict *verdict)
{
    PyObject *list = PyList_New(verdict->count);

    for (unsigned i = 0; list && i < verdict->count; i++) {
        const struct trampfd_difference *one = &verdict->differences[i];
        PyObject *item = Py_BuildValue("sNN", one->what, PyLong_FromVoidPtr((void *)one->wanted),
                                       PyLong_FromVoidPtr((void *)one->found));

        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

const char owner_verify_doc[] =
    PyDoc_STR("verify()\n--\n\n(provider, address, address of the record or 0, list of (what, "
              "wanted, found)).");

PyObject *owner_verify(const struct owner *self, owner_compare *compare)
{
    struct trampfd_verdict verdict;
    PyObject *differences;
    int error;

    if (!self->closure)
        return PyErr_Format(PyExc_ValueError, "the callback was freed: there is nothing to verify");
    error = compare(self, &verdict);
    if (error)
        return error_raise(error);
    differences = difference_list(&verdict);
    return differences ? Py_BuildValue("sNNN", verdict.provider, PyLong_FromVoidPtr(self->code),
                                       PyLong_FromVoidPtr((void *)verdict.record), differences)
                       : NULL;
}
