/* SPDX-License-Identifier: MIT */
/* The common part of Closure and Bound. */
#include "owner.h"

#include "error.h"
#include "report.h"

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

const char owner_verify_doc[] =
    PyDoc_STR("verify()\n--\n\n(provider, address, address of the record or 0, list of (what, "
              "index, wanted, found)).");

PyObject *owner_verify(const struct owner *self, owner_compare *compare)
{
    struct trampfd_report report;
    void *code;
    int error;

    if (!self->closure)
        return PyErr_Format(PyExc_ValueError, "the callback was freed: there is nothing to verify");
    error = compare(self, &code, &report);
    return error ? error_raise(error) : report_tuple(&report, code);
}
