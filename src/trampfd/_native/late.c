/* SPDX-License-Identifier: MIT */
#include "late.h"

#include "interpreter.h"
#include "module.h"

#include <slot/allowed.h>

#define MORE_THAN_REGISTERS 16 /* of either kind, on every CPU */

int late_init(void)
{
    struct interpreter *interpreter = interpreter_now();

    interpreter_set(&interpreter->of.fields, PyUnicode_InternFromString("_fields_"));
    return interpreter->of.fields ? 0 : -1;
}

static int prepare_cif(Signature *signature, struct late *late)
{
    static ffi_type *types[3 * MORE_THAN_REGISTERS]; /* long doubles have larger ones on some */

    for (unsigned i = 0; i < MORE_THAN_REGISTERS; i++) {
        types[i] = &ffi_type_pointer;
        types[MORE_THAN_REGISTERS + i] = &ffi_type_double;
        types[2 * MORE_THAN_REGISTERS + i] = &ffi_type_longdouble;
    }
    return ffi_prep_cif(&late->cif, FFI_DEFAULT_ABI, 3 * MORE_THAN_REGISTERS, signature->result.ffi,
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
    late->first.signature = signature;
    late->first.plan = prepare_cif(signature, late) ? tfd_plan_get(signature->cif) : NULL;
    if (!late->first.plan) {
        PyMem_RawFree(late);
        return 0;
    }
    Py_INCREF(renew);
    late->renew = renew;
    atomic_init(&late->latest, &late->first);
    signature->late = late;
    return 0;
}

int late_traverse(struct late *late, visitproc visit, void *arg)
{
    Py_VISIT(late->renew);
    for (struct late_version *version = late->latest; version->older; version = version->older)
        Py_VISIT(version->signature);
    return 0;
}

static void release_version(struct late_version *version)
{
    Py_DECREF(version->signature);
    if (!Py_IsFinalizing())
        tfd_plan_put(version->plan);
    PyMem_RawFree(version);
}

void late_clear(struct late *late)
{
    struct late_version *older, *version = late->latest;

    Py_CLEAR(late->renew);
    for (; version->older; version = older) {
        older = version->older;
        release_version(version);
    }
    late->latest = version;
    if (!Py_IsFinalizing())
        tfd_plan_put(version->plan);
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
    struct late_version *version = PyMem_RawCalloc(1, sizeof(*version));

    if (!version) {
        PyErr_NoMemory();
        return -1;
    }
    version->signature = (Signature *)PyObject_CallNoArgs(late->renew);
    version->plan = version->signature ? tfd_plan_get(version->signature->cif) : NULL;
    if (!version->plan) {
        if (version->signature)
            late_refuse(outdated);
        Py_XDECREF(version->signature);
        PyMem_RawFree(version);
        return -1;
    }
    version->older = atomic_load(&late->latest);
    while (!atomic_compare_exchange_weak(&late->latest, &version->older, version))
        ;
    return 0;
}

const struct late_version *late_now(Signature *signature, Py_ssize_t *refused)
{
    struct late *late = signature->late;

    for (;;) {
        const struct late_version *now = atomic_load(&late->latest);

        *refused = find_outdated(now->signature);
        if (*refused < 0)
            return now;
        if (renew(late, &now->signature->arguments[*refused]))
            return NULL;
    }
}
