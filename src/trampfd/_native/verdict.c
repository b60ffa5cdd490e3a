/* SPDX-License-Identifier: MIT */
/* What verify() of a closure or of a bound function gives back. */
#include "error.h"
#include "owner.h"

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

PyObject *verdict_tuple(void *code, int error, const struct trampfd_verdict *verdict)
{
    PyObject *differences;

    if (error)
        return error_raise(error);
    differences = difference_list(verdict);
    return differences ? Py_BuildValue("sNNN", verdict->provider, PyLong_FromVoidPtr(code),
                                       PyLong_FromVoidPtr((void *)verdict->record), differences)
                       : NULL;
}

PyObject *verdict_of_freed(void)
{
    return PyErr_Format(PyExc_ValueError, "the callback was freed: there is nothing to verify");
}
