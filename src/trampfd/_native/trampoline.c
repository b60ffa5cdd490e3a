/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Trampoline(pc, registers, stack, allowed, backend): owns one trampoline of the
 * C interface.  The Python code has checked the arguments, with better messages than those here.
 */
#include "error.h"
#include "module.h"
#include "report.h"

#include <string.h>

typedef struct {
    PyObject_HEAD
    struct trampfd_trampoline *trampoline; /* NULL once it is closed; critical sections of self */
} Trampoline;

/* ((name, value), ...) */
static int take_registers(struct trampfd_context *context, PyObject *registers)
{
    Py_ssize_t count = PyTuple_GET_SIZE(registers);

    if (count > TRAMPFD_MAX_REGS) {
        PyErr_SetString(PyExc_ValueError, "too many registers");
        return -1;
    }
    for (; context->nregs < count; context->nregs++) {
        struct trampfd_register *reg = &context->regs[context->nregs];
        unsigned long long value;

        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(registers, context->nregs), "sK", &reg->name,
                              &value))
            return -1;
        reg->value = value;
    }
    return 0;
}

static int take_stack(struct trampfd_context *context, const char *data, Py_ssize_t size)
{
    if (size > TRAMPFD_MAX_DATA_SIZE) {
        PyErr_SetString(PyExc_ValueError, "too much stack data");
        return -1;
    }
    context->stack_size = (unsigned)size;
    memcpy(context->stack_data, data, (size_t)size);
    return 0;
}

static int take_allowed(struct trampfd_allowed *allowed, PyObject *pcs)
{
    Py_ssize_t count = PyTuple_GET_SIZE(pcs);

    if (count > TRAMPFD_MAX_PCS) {
        PyErr_SetString(PyExc_ValueError, "too many allowed PCs");
        return -1;
    }
    for (; allowed->npcs < count; allowed->npcs++) {
        void *pc = PyLong_AsVoidPtr(PyTuple_GET_ITEM(pcs, allowed->npcs));

        if (!pc && PyErr_Occurred())
            return -1;
        allowed->pcs[allowed->npcs] = pc;
    }
    return 0;
}

static PyObject *trampoline_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    struct trampfd_context context = {0};
    struct trampfd_allowed allowed = {0};
    struct trampfd_trail trail;
    PyObject *registers, *pcs;
    const char *data, *backend;
    unsigned long long pc;
    Py_ssize_t size;
    Trampoline *self;

    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Trampoline() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "KO!(IIy#)O!s:Trampoline", &pc, &PyTuple_Type, &registers,
                          &context.stack_flags, &context.stack_offset, &data, &size, &PyTuple_Type,
                          &pcs, &backend))
        return NULL;
    context.pc = (void *)(uintptr_t)pc;
    if (take_registers(&context, registers) || take_stack(&context, data, size)
        || take_allowed(&allowed, pcs))
        return NULL;
    self = (Trampoline *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->trampoline = trampfd_trampoline_create(&context, &allowed, backend, &trail);
    if (!self->trampoline) {
        error_refused("trampoline", &trail, errno);
        Py_CLEAR(self);
    }
    return (PyObject *)self;
}

static PyObject *trampoline_close(Trampoline *self, PyObject *unused)
{
    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    trampfd_trampoline_destroy(self->trampoline);
    self->trampoline = NULL;
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

static void trampoline_dealloc(Trampoline *self)
{
    PyTypeObject *type = Py_TYPE(self);

    trampfd_trampoline_destroy(self->trampoline);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

/* Raises an exception if the trampoline is closed. */
static int is_open(const Trampoline *self)
{
    if (!self->trampoline)
        PyErr_SetString(PyExc_ValueError, "the trampoline is closed");
    return self->trampoline != NULL;
}

static PyObject *get_address(Trampoline *self, void *unused)
{
    PyObject *address = NULL;

    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (is_open(self))
        address = PyLong_FromVoidPtr(trampfd_trampoline_address(self->trampoline));
    Py_END_CRITICAL_SECTION();
    return address;
}

static PyObject *get_backend(Trampoline *self, void *unused)
{
    PyObject *backend = NULL;

    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (is_open(self))
        backend = PyUnicode_FromString(trampfd_trampoline_backend(self->trampoline));
    Py_END_CRITICAL_SECTION();
    return backend;
}

static PyObject *get_descriptor(Trampoline *self, void *unused)
{
    PyObject *descriptor = NULL;

    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (is_open(self))
        descriptor = PyLong_FromLong(trampfd_trampoline_descriptor(self->trampoline));
    Py_END_CRITICAL_SECTION();
    return descriptor;
}

static PyObject *get_closed(Trampoline *self, void *unused)
{
    (void)unused;
    return PyBool_FromLong(!self->trampoline);
}

/* (pc, {name: value}, (flags, offset, data)) */
static PyObject *trampoline_read(Trampoline *self, PyObject *unused)
{
    struct trampfd_context context;
    int is_read, error = 0;
    PyObject *registers;

    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    is_read = is_open(self);
    if (is_read)
        error = trampfd_trampoline_read(self->trampoline, &context);
    Py_END_CRITICAL_SECTION();
    if (!is_read || error)
        return is_read ? error_raise(error) : NULL;
    registers = PyDict_New();
    for (unsigned i = 0; registers && i < context.nregs; i++) {
        PyObject *value = PyLong_FromUnsignedLongLong(context.regs[i].value);

        if (!value || PyDict_SetItemString(registers, context.regs[i].name, value))
            Py_CLEAR(registers);
        Py_XDECREF(value);
    }
    if (!registers)
        return NULL;
    return Py_BuildValue("NN(IIy#)", PyLong_FromVoidPtr(context.pc), registers, context.stack_flags,
                         context.stack_offset, context.stack_data, (Py_ssize_t)context.stack_size);
}

static PyObject *trampoline_verify(Trampoline *self, PyObject *unused)
{
    struct trampfd_report report;
    int is_verified, error = 0;
    void *address = NULL;

    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    is_verified = is_open(self);
    if (is_verified) {
        error = trampfd_trampoline_verify(self->trampoline, &report);
        address = trampfd_trampoline_address(self->trampoline);
    }
    Py_END_CRITICAL_SECTION();
    if (!is_verified || error)
        return is_verified ? error_raise(error) : NULL;
    return report_tuple(&report, address);
}

static const PyMethodDef trampoline_methods[] = {
    {"close", (PyCFunction)trampoline_close, METH_NOARGS,
     PyDoc_STR("close()\n--\n\nDestroy the trampoline; may be called again.")},
    {"read", (PyCFunction)trampoline_read, METH_NOARGS,
     PyDoc_STR("read()\n--\n\nWhat calls take: (pc, {name: value}, (flags, offset, data)).")},
    {"verify", (PyCFunction)trampoline_verify, METH_NOARGS,
     PyDoc_STR("verify()\n--\n\n(provider, address, address of the record or 0, list of (what, "
               "index, wanted, found)).")},
    {NULL, NULL, 0, NULL},
};

static const PyGetSetDef trampoline_attributes[] = {
    {"address", (getter)get_address, NULL, PyDoc_STR("The address to call."), NULL},
    {"backend", (getter)get_backend, NULL, PyDoc_STR("\"trampfd-user\" or \"context\"."), NULL},
    {"descriptor", (getter)get_descriptor, NULL, PyDoc_STR("The descriptor, or -1."), NULL},
    {"closed", (getter)get_closed, NULL, PyDoc_STR("Whether close() was called."), NULL},
    {NULL, NULL, NULL, NULL, NULL},
};

static const PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Trampoline(pc, registers, stack, allowed, backend)\n--\n\n"
                                  "Owner of one trampoline, see trampfd.Trampoline.")},
    {Py_tp_new, trampoline_new},
    {Py_tp_dealloc, trampoline_dealloc},
    {Py_tp_methods, (void *)trampoline_methods},
    {Py_tp_getset, (void *)trampoline_attributes},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "trampfd._native.Trampoline",
    .basicsize = sizeof(Trampoline),
    .flags = Py_TPFLAGS_DEFAULT | COMPAT_IMMUTABLE,
    .slots = (PyType_Slot *)slots,
};

/* The type, and the limits and the flag of trampfd.h with which Python checks arguments. */
int trampoline_init(PyObject *module)
{
    PyObject *type = PyType_FromSpec(&spec);
    int error = type ? PyModule_AddType(module, (PyTypeObject *)type) : -1;

    Py_XDECREF(type);
    return error || PyModule_AddIntConstant(module, "MAX_DATA_SIZE", TRAMPFD_MAX_DATA_SIZE)
           || PyModule_AddIntConstant(module, "MAX_STACK_OFFSET", TRAMPFD_MAX_STACK_OFFSET)
           || PyModule_AddIntConstant(module, "MAX_PCS", TRAMPFD_MAX_PCS)
           || PyModule_AddIntConstant(module, "SET_SP", TRAMPFD_SET_SP);
}

static PyObject *register_names(PyObject *module, PyObject *unused)
{
    PyObject *names = PyList_New(0);
    const char *name;

    (void)module;
    (void)unused;
    for (unsigned i = 0; names && (name = trampfd_register_name(i)); i++) {
        PyObject *item = PyUnicode_FromString(name);

        if (!item || PyList_Append(names, item))
            Py_CLEAR(names);
        Py_XDECREF(item);
    }
    return names;
}

const PyMethodDef trampoline_functions[] = {
    {"register_names", register_names, METH_NOARGS,
     PyDoc_STR("register_names()\n--\n\nThe registers that a trampoline can load.")},
    {NULL, NULL, 0, NULL},
};
