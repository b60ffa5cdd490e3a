/* SPDX-License-Identifier: MIT */
/* The common part of Closure and Bound. */
#include "owner.h"

#include "error.h"
#include "origin.h"
#include "report.h"

#include <closure/closure.h>

#include <errno.h>

PyObject *owner_readable(PyObject *name)
{
    if (!PyUnicode_IS_COMPACT_ASCII(name) && !PyUnicode_AsUTF8(name)) {
        PyErr_Clear(); /* no memory, or a name that is not Unicode */
        return NULL;
    }
    return Py_NewRef(name);
}

const char *owner_name(const struct owner *self)
{
    PyObject *about = self->about;

    return PyUnicode_AsUTF8(PyTuple_CheckExact(about) ? PyTuple_GET_ITEM(about, 0) : about);
}

void owner_free(struct owner *self)
{
    void *closure = interpreter_is_ending(self->signature->result.interpreter)
                        ? NULL
                        : owner_take(&self->closure);
    char text[TFD_NAME_SIZE_DEBUG];
    int error = closure ? tfd_closure_free(closure, origin_freed(owner_name(self), text)) : 0;

    if (error == -EPERM) /* it is permanent */
        __atomic_store_n(&self->closure, closure, __ATOMIC_RELEASE);
    else if (error)
        tfd_closure_free_refused(closure);
}

int owner_traverse(struct owner *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->signature);
    Py_VISIT(self->kept);
    Py_VISIT(self->about);
    return 0;
}

/* Called as a destructor of ffi.gc(), with the cdata as argument.  Not while it is verified. */
PyObject *owner_call(struct owner *self, PyObject *args, PyObject *kwargs)
{
    (void)args;
    (void)kwargs;
    Py_BEGIN_CRITICAL_SECTION(self);
    owner_free(self);
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

const char owner_verify_doc[] =
    PyDoc_STR("verify()\n--\n\n(provider, address, address of the record or 0, list of (what, "
              "index, wanted, found)).");

PyObject *owner_verify(const struct owner *self, owner_compare *compare)
{
    struct trampfd_report report;
    int is_live, error = 0;
    void *code;

    Py_BEGIN_CRITICAL_SECTION(self);
    is_live = self->closure != NULL;
    if (is_live)
        error = compare(self, &code, &report);
    Py_END_CRITICAL_SECTION();
    if (!is_live)
        return PyErr_Format(PyExc_ValueError, "the callback was freed: there is nothing to verify");
    return error ? error_raise(error) : report_tuple(&report, code);
}
