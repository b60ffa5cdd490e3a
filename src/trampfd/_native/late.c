/* SPDX-License-Identifier: MIT */
#include "late.h"

#include "interpreter.h"
#include "module.h"

#include <slot/allowed.h>

#define MORE_THAN_REGISTERS 16 /* of either kind, on every CPU */

int late_init(void)
{
    struct interpreter *interpreter = interpreter_now();

    Py_XSETREF(interpreter->of.fields, PyUnicode_InternFromString("_fields_"));
    return interpreter->of.fields ? 0 : -1;
}

static int prepare_cif(Signature *signature, struct late *late)
{
    static ffi_type *types[2 * MORE_THAN_REGISTERS];

    for (unsigned i = 0; i < MORE_THAN_REGISTERS; i++) {
        types[i] = &ffi_type_pointer;
        types[MORE_THAN_REGISTERS + i] = &ffi_type_double;
    }
    return ffi_prep_cif(&late->cif, FFI_DEFAULT_ABI, 2 * MORE_THAN_REGISTERS, signature->result.ffi,
                        types)
           == FFI_OK;
}

int late_new(Signature *signature, PyObject *renew)
{
    struct late *late = PyMem_RawCalloc(1, sizeof(*late));

    if (!late) {
        PyErr_NoMemory();
        return -1;
    }
    late->plan = prepare_cif(signature, late) ? tfd_plan_get(signature->cif) : NULL;
    if (!late->plan) {
        PyMem_RawFree(late);
        return 0;
    }
    Py_INCREF(renew);
    late->renew = renew;
    signature->late = late;
    return 0;
}

int late_traverse(struct late *late, visitproc visit, void *arg)
{
    Py_VISIT(late->renew);
    Py_VISIT(late->latest);
    return 0;
}

void late_clear(struct late *late)
{
    Py_CLEAR(late->renew);
    Py_CLEAR(late->latest);
    if (!Py_IsFinalizing())
        tfd_plan_put(late->plan);
}

/* A metaclass may show something else as __dict__. */
int late_is_outdated(const struct parameter *parameter)
{
    return parameter->code == '~'
           && PyDict_GetItem(((PyTypeObject *)parameter->type)->tp_dict,
                             parameter->interpreter->of.fields);
}

void late_refuse(const struct parameter *parameter)
{
    PyErr_Format(
        PyExc_TypeError, "%R got its _fields_ after the callback was made; %s needs them before",
        parameter->type,
        tfd_entries_plan.count ? "a structure that is packed, or aligned to more than 16 bytes,"
                               : "on this CPU, every structure");
}

/* The index of the first argument whose class has got fields, or -1. */
static Py_ssize_t find_outdated(const Signature *signature)
{
    for (Py_ssize_t i = 0; i < signature->count; i++)
        if (late_is_outdated(&signature->arguments[i]))
            return i;
    return -1;
}

static int renew(struct late *late, const struct parameter *outdated)
{
    Signature *old_latest, *latest = (Signature *)PyObject_CallNoArgs(late->renew);
    const struct tfd_plan *old_plan, *plan = latest ? tfd_plan_get(latest->cif) : NULL;

    if (!plan) {
        if (latest)
            late_refuse(outdated);
        Py_XDECREF(latest);
        return -1;
    }
    old_latest = late->latest;
    old_plan = late->plan;
    late->latest = latest;
    late->plan = plan;
    tfd_plan_put(old_plan);
    Py_XDECREF(old_latest); /* which may run Python code */
    return 0;
}

Signature *late_now(Signature *signature, Py_ssize_t *refused)
{
    struct late *late = signature->late;

    for (;;) {
        Signature *now = late->latest ? late->latest : signature;

        *refused = find_outdated(now);
        if (*refused < 0) {
            Py_INCREF(now);
            return now;
        }
        if (renew(late, &now->arguments[*refused]))
            return NULL;
    }
}
