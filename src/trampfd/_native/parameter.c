/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Parameter(frontend, type, layout, size, code): the converters and the ffi_type of
 * one argument or result, shared by all signatures that have it.
 *
 * A layout is the name of a scalar ("i4", "f8", "p", "v" ...) or, for a structure, (size,
 * alignment, layouts); for one whose members may lie on top of each other, (size, alignment,
 * ((offset, scalar), ...)).
 */
#include "parameter.h"

#include "convert.h"
#include "frontend.h"
#include "interpreter.h"

#include <arch/port.h>
#include <string.h>

#define SPARE_MAX 4096 /* bytes of a C value that are kept for the next call */

struct layout {
    struct layout *next;
    ffi_type type;
    ffi_type *elements[];
};

static const struct {
    const char *name;
    ffi_type *type;
} scalars[] = {
    {"v", &ffi_type_void},
    {"p", &ffi_type_pointer},
    {"i1", &ffi_type_sint8},
    {"u1", &ffi_type_uint8},
    {"i2", &ffi_type_sint16},
    {"u2", &ffi_type_uint16},
    {"i4", &ffi_type_sint32},
    {"u4", &ffi_type_uint32},
    {"i8", &ffi_type_sint64},
    {"u8", &ffi_type_uint64},
    {"f4", &ffi_type_float},
    {"f8", &ffi_type_double},
    {"f16", &ffi_type_longdouble},
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    {"c8", &ffi_type_complex_float},
    {"c16", &ffi_type_complex_double},
    {"c32", &ffi_type_complex_longdouble},
#endif
};

static ffi_type *scalar(PyObject *name)
{
    for (size_t i = 0; i < sizeof(scalars) / sizeof(scalars[0]); i++)
        if (PyUnicode_CompareWithASCIIString(name, scalars[i].name) == 0)
            return scalars[i].type;
    PyErr_Format(PyExc_ValueError, "no C type has the layout %R", name);
    return NULL;
}

static ffi_type *parse_layout(Parameter *self, PyObject *source);

static int is_scalar_at_offset(PyObject *element)
{
    return PyTuple_Check(element) && PyTuple_GET_SIZE(element) == 2;
}

static int parse_scalar(PyObject *source, struct tfd_scalar *parsed)
{
    PyObject *name;
    Py_ssize_t offset;

    if (!PyArg_ParseTuple(source, "nU", &offset, &name))
        return -1;
    parsed->offset = (size_t)offset;
    parsed->type = scalar(name);
    return parsed->type ? 0 : -1;
}

/* The members that the port chooses for scalars at offsets. */
static int choose_members(struct layout *layout, PyObject *elements)
{
    Py_ssize_t count = PyTuple_GET_SIZE(elements);
    struct tfd_scalar *scalars = PyMem_Calloc((size_t)count, sizeof(*scalars));
    int error = 0;

    if (!scalars) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < count && !error; i++)
        error = parse_scalar(PyTuple_GET_ITEM(elements, i), &scalars[i]);
    if (!error)
        tfd_port_aggregate(layout->type.size, scalars, (size_t)count, layout->elements);
    PyMem_Free(scalars);
    return error;
}

static int parse_members(Parameter *self, struct layout *layout, PyObject *elements)
{
    Py_ssize_t count = PyTuple_GET_SIZE(elements);

    if (count && is_scalar_at_offset(PyTuple_GET_ITEM(elements, 0)))
        return choose_members(layout, elements);
    for (Py_ssize_t i = 0; i < count; i++) {
        layout->elements[i] = parse_layout(self, PyTuple_GET_ITEM(elements, i));
        if (!layout->elements[i])
            return -1;
    }
    return 0;
}

static ffi_type *parse_structure(Parameter *self, PyObject *source)
{
    Py_ssize_t size, alignment, count;
    PyObject *elements;
    struct layout *layout;

    if (!PyArg_ParseTuple(source, "nnO!", &size, &alignment, &PyTuple_Type, &elements))
        return NULL;
    count = PyTuple_GET_SIZE(elements);
    if (count < TFD_MEMBERS_MAX)
        count = TFD_MEMBERS_MAX;
    layout = PyMem_RawCalloc(1, sizeof(*layout) + (size_t)(count + 1) * sizeof(ffi_type *));
    if (!layout) {
        PyErr_NoMemory();
        return NULL;
    }
    layout->next = self->layouts;
    self->layouts = layout;
    layout->type.size = (size_t)size;
    layout->type.alignment = (unsigned short)alignment;
    layout->type.type = FFI_TYPE_STRUCT;
    layout->type.elements = layout->elements;
    return parse_members(self, layout, elements) ? NULL : &layout->type;
}

static ffi_type *parse_layout(Parameter *self, PyObject *source)
{
    if (PyUnicode_Check(source))
        return scalar(source);
    if (PyTuple_Check(source))
        return parse_structure(self, source);
    PyErr_Format(PyExc_TypeError, "a layout is a string or a tuple, not %R", source);
    return NULL;
}

static const struct frontend *parse_frontend(const char *name)
{
    if (!strcmp(name, frontend_cffi.name))
        return &frontend_cffi;
    if (!strcmp(name, frontend_ctypes.name))
        return &frontend_ctypes;
    PyErr_Format(PyExc_ValueError, "no such frontend: %s", name);
    return NULL;
}

static PyObject *parameter_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *of, *layout;
    const char *frontend, *code;
    unsigned char letter;
    Py_ssize_t size;
    Parameter *self;

    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Parameter() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "sOOns:Parameter", &frontend, &of, &layout, &size, &code))
        return NULL;
    self = (Parameter *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->is.interpreter = interpreter_now();
    self->is.type = Py_NewRef(of);
    self->is.size = size;
    self->is.code = *code;
    self->frontend = parse_frontend(frontend);
    self->is.ffi = self->frontend ? parse_layout(self, layout) : NULL;
    if (!self->is.ffi) {
        Py_DECREF(self);
        return NULL;
    }
    letter = (unsigned char)*code % CONVERT_CODES;
    self->is.loader = self->frontend->loaders[letter] ? letter : 0;
    self->is.storer = self->frontend->storers[letter] ? letter : 0;
    /* Without the GIL, calls of all threads would wait for one word of memory. */
    if (*code == self->frontend->reused && size <= SPARE_MAX && !COMPAT_FREE_THREADED)
        self->is.spare = &self->spare;
    self->is.extension = convert_extension(&self->is);
    convert_range(*code, &self->is.min, &self->is.max);
    return (PyObject *)self;
}

static int parameter_traverse(Parameter *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->is.type);
    if (self->spare) /* untracked; it refers to nothing but its class */
        Py_VISIT(Py_TYPE(self->spare));
    return 0;
}

/*
 * No tp_clear: a parameter refers to nothing that a program can change to lead back.  At the end of
 * the interpreter closures are kept, and need the memory.
 */
static void parameter_dealloc(Parameter *self)
{
    PyTypeObject *type = Py_TYPE(self);
    struct layout *next;

    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->spare);
    Py_CLEAR(self->is.type);
    if (Py_IsFinalizing())
        return;
    if (interpreter_is_ending(self->is.interpreter))
        self->layouts = NULL;
    for (struct layout *layout = self->layouts; layout; layout = next) {
        next = layout->next;
        PyMem_RawFree(layout);
    }
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static const PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Parameter(frontend, type, layout, size, code)\n--\n\n"
                                  "The converters of one argument or result.")},
    {Py_tp_new, parameter_new},
    {Py_tp_dealloc, parameter_dealloc},
    {Py_tp_traverse, parameter_traverse},
    {0, NULL},
};

PyType_Spec parameter_spec = {
    .name = "trampfd._native.Parameter",
    .basicsize = sizeof(Parameter),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | COMPAT_IMMUTABLE,
    .slots = (PyType_Slot *)slots,
};
