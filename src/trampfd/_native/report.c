/* SPDX-License-Identifier: MIT */
#include "report.h"

static PyObject *difference_tuple(const struct trampfd_difference *difference)
{
    unsigned long long wanted = difference->wanted, found = difference->found;

    switch (difference->change) {
    case TRAMPFD_MISSING:
        return Py_BuildValue("sIKO", difference->what, difference->index, wanted, Py_None);
    case TRAMPFD_ADDED:
        return Py_BuildValue("sIOK", difference->what, difference->index, Py_None, found);
    default: return Py_BuildValue("sIKK", difference->what, difference->index, wanted, found);
    }
}

static PyObject *difference_list(const struct trampfd_report *report)
{
    PyObject *list = PyList_New(report->count);

    for (unsigned i = 0; list && i < report->count; i++) {
        PyObject *item = difference_tuple(&report->differences[i]);

        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

PyObject *report_tuple(const struct trampfd_report *report, void *address)
{
    PyObject *differences = difference_list(report);

    return differences ? Py_BuildValue("sNNN", report->provider, PyLong_FromVoidPtr(address),
                                       PyLong_FromVoidPtr((void *)report->record), differences)
                       : NULL;
}
