/* SPDX-License-Identifier: MIT */
/* What Closure and Bound have in common. */
#include "owner.h"

#include "error.h"

void owner_free(struct owner *self, const char *name)
{
    void *closure = self->closure && !Py_IsFinalizing() ? owner_take(&self->closure) : NULL;

    if (closure)
        trampfd_closure_free_named(closure, name);
}

int owner_traverse(struct owner *self, visitproc visit, void *arg)
{
    Py_VISIT(self->signature);
    Py_VISIT(self->kept);
    return 0;
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
    void *code;
    int error;

    if (!self->closure)
        return PyErr_Format(PyExc_ValueError, "the callback was freed: there is nothing to verify");
    error = compare(self, &code, &verdict);
    if (error)
        return error_raise(error);
    differences = difference_list(&verdict);
    return differences ? Py_BuildValue("sNNN", verdict.provider, PyLong_FromVoidPtr(code),
                                       PyLong_FromVoidPtr((void *)verdict.record), differences)
                       : NULL;
}
