/* SPDX-License-Identifier: MIT */
/* Blocks, slots, and the sources of blocks; slots that are mapped ahead; and all that are in use. */
#include "error.h"
#include "module.h"
#include "report.h"

#include <arch/port.h>
#include <errno.h>
#include <slot/reserve.h>

static PyObject *status(PyObject *module, PyObject *unused)
{
    struct trampfd_status s;

    (void)module;
    (void)unused;
    trampfd_status_read(&s);
    return Py_BuildValue("{sssnsnsnsnsnsnsnsnsnsnsnsN}", "provider", s.provider, "blocks_built_in",
                         (Py_ssize_t)s.blocks_built_in, "blocks_own_file",
                         (Py_ssize_t)s.blocks_own_file, "blocks_memfd", (Py_ssize_t)s.blocks_memfd,
                         "blocks_trampfd", (Py_ssize_t)s.blocks_trampfd, "blocks_trampfd_user",
                         (Py_ssize_t)s.blocks_trampfd_user, "slots_used", (Py_ssize_t)s.slots_used,
                         "slots_free", (Py_ssize_t)s.slots_free, "code_bytes",
                         (Py_ssize_t)s.code_bytes, "record_bytes", (Py_ssize_t)s.record_bytes,
                         "plans", (Py_ssize_t)s.plans, "without_plan", (Py_ssize_t)s.without_plan,
                         "attempts", error_attempts(&s.trail));
}

static PyObject *probe(PyObject *module, PyObject *unused)
{
    struct trampfd_trail trail;

    (void)module;
    (void)unused;
    trampfd_probe(&trail);
    return error_attempts(&trail);
}

static PyObject *seal(PyObject *module, PyObject *unused)
{
    int error = trampfd_seal();

    (void)module;
    (void)unused;
    if (error == -EBUSY) {
        PyErr_SetString(
            PyExc_RuntimeError,
            "callbacks whose records can be written were made or reserved: ask for seal=True before "
            "the first one is made, or set TRAMPFD_SEAL=1 in the environment");
        return NULL;
    }
    if (error) {
        errno = -error;
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

static PyObject *find(PyObject *module, PyObject *address)
{
    void *code = PyLong_AsVoidPtr(address);
    struct trampfd_slot slot;

    (void)module;
    if (!code && PyErr_Occurred())
        return NULL;
    if (trampfd_slot_find(code, &slot))
        Py_RETURN_NONE;
    return Py_BuildValue("{sssssNsIsN}", "provider", slot.provider, "source", slot.source, "block",
                         PyLong_FromVoidPtr((void *)slot.block), "index", slot.index, "record",
                         PyLong_FromVoidPtr((void *)slot.record));
}

static PyObject *reserved(int error, const struct trampfd_trail *trail)
{
    if (!error)
        Py_RETURN_NONE;
    error_refused("reservation", trail, -error);
    return NULL;
}

static PyObject *reserve(PyObject *module, PyObject *count)
{
    size_t number = PyLong_AsSize_t(count);
    struct trampfd_trail trail;
    int error;

    (void)module;
    if (number == (size_t)-1 && PyErr_Occurred())
        return NULL;
    Py_BEGIN_ALLOW_THREADS;
    error = trampfd_reserve(number, &trail);
    Py_END_ALLOW_THREADS;
    return reserved(error, &trail);
}

static PyObject *reserve_asked_for(PyObject *module, PyObject *unused)
{
    struct trampfd_trail trail;
    int error;

    (void)module;
    (void)unused;
    Py_BEGIN_ALLOW_THREADS;
    error = tfd_reserve_asked_for(&trail);
    Py_END_ALLOW_THREADS;
    return reserved(error, &trail);
}

/* `list` gets it, unless there was an exception before. */
static void add_changed(const void *code, const struct trampfd_report *report, void *list)
{
    PyObject *item = PyErr_Occurred() ? NULL : report_tuple(report, (void *)code);

    if (item) /* an exception is found at the end */
        PyList_Append(list, item);
    Py_XDECREF(item);
}

static PyObject *verify_all(PyObject *module, PyObject *unused)
{
    PyObject *changed = PyList_New(0);
    size_t checked;
    int error;

    (void)module;
    (void)unused;
    if (!changed)
        return NULL;
    error = trampfd_verify_all(add_changed, changed, &checked);
    if (error && !PyErr_Occurred())
        error_raise(error);
    if (PyErr_Occurred())
        Py_CLEAR(changed);
    return changed ? Py_BuildValue("nN", (Py_ssize_t)checked, changed) : NULL;
}

const PyMethodDef inspect_functions[] = {
    {"status", status, METH_NOARGS,
     PyDoc_STR("status()\n--\n\nCounts of blocks and slots as a dict, see trampfd.status().")},
    {"probe", probe, METH_NOARGS,
     PyDoc_STR("probe()\n--\n\nTry every source of blocks: a list of (source, call, errno).")},
    {"seal", seal, METH_NOARGS,
     PyDoc_STR("seal()\n--\n\nSee install(seal=True). Raises RuntimeError: it is too late.")},
    {"find", find, METH_O,
     PyDoc_STR("find(address)\n--\n\nThe slot at a code address as a dict, or None.")},
    {"reserve", reserve, METH_O,
     PyDoc_STR("reserve(count)\n--\n\nMap slots ahead, see trampfd.reserve().")},
    {"reserve_asked_for", reserve_asked_for, METH_NOARGS,
     PyDoc_STR("reserve_asked_for()\n--\n\nThe same with the number in TRAMPFD_RESERVE.")},
    {"verify_all", verify_all, METH_NOARGS,
     PyDoc_STR(
         "verify_all()\n--\n\n(number of slots in use, what verify() returns of each that was "
         "changed).")},
    {NULL, NULL, 0, NULL},
};

/* Where a record, which is an ffi_closure, has the user data: that depends on the CPU. */
int inspect_init(PyObject *module)
{
    if (PyModule_AddIntConstant(module, "HAS_SLOTS", TFD_PORT_HAS_SLOTS) < 0)
        return -1;
    return PyModule_AddIntConstant(module, "USER_DATA_OFFSET", offsetof(ffi_closure, user_data));
}
