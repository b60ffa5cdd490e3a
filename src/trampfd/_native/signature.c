/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Signature(frontend, abi, flags, result, arguments[, renew]): the cif and the
 * converters of one function type, shared by all its callbacks; renew: see late.h.
 *
 * result and each argument: (type, layout, size, code).  A layout is the name of a
 * scalar ("i4", "f8", "p", "v" ...) or, for a structure, (size, alignment, layouts); for one whose
 * members may lie on top of each other, (size, alignment, ((offset, scalar), ...)).
 */
#include "signature.h"

#include "convert.h"
#include "frontend.h"
#include "late.h"

#include <arch/port.h>
#include <string.h>

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

static ffi_type *parse_layout(Signature *self, PyObject *source);

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

static int parse_members(Signature *self, struct layout *layout, PyObject *elements)
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

static ffi_type *parse_structure(Signature *self, PyObject *source)
{
    Py_ssize_t size, alignment, count;
    PyObject *elements;
    struct layout *layout;

    if (!PyArg_ParseTuple(source, "nnO!", &size, &alignment, &PyTuple_Type, &elements))
        return NULL;
    count = PyTuple_GET_SIZE(elements);
    if (count < TFD_MEMBERS_MAX)
        count = TFD_MEMBERS_MAX;
    layout = PyMem_Calloc(1, sizeof(*layout) + (size_t)(count + 1) * sizeof(ffi_type *));
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

static ffi_type *parse_layout(Signature *self, PyObject *source)
{
    if (PyUnicode_Check(source))
        return scalar(source);
    if (PyTuple_Check(source))
        return parse_structure(self, source);
    PyErr_Format(PyExc_TypeError, "a layout is a string or a tuple, not %R", source);
    return NULL;
}

static int parse_parameter(Signature *self, PyObject *source, struct parameter *parameter)
{
    PyObject *type, *layout;
    const char *code;

    if (!PyArg_ParseTuple(source, "OOns", &type, &layout, &parameter->size, &code))
        return -1;
    parameter->ffi = parse_layout(self, layout);
    if (!parameter->ffi)
        return -1;
    parameter->code = *code;
    parameter->load = self->frontend->loader(*code);
    parameter->store = self->frontend->storer(*code);
    convert_range(*code, &parameter->min, &parameter->max);
    Py_INCREF(type);
    parameter->type = type;
    return 0;
}

static int parse_arguments(Signature *self, PyObject *arguments)
{
    Py_ssize_t count = PyTuple_GET_SIZE(arguments);

    self->arguments = PyMem_Calloc((size_t)count + 1, sizeof(*self->arguments));
    self->ffi_arguments = PyMem_Calloc((size_t)count + 1, sizeof(*self->ffi_arguments));
    if (!self->arguments || !self->ffi_arguments) {
        PyErr_NoMemory();
        return -1;
    }
    self->count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        if (parse_parameter(self, PyTuple_GET_ITEM(arguments, i), &self->arguments[i]))
            return -1;
        self->ffi_arguments[i] = self->arguments[i].ffi;
    }
    return 0;
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

static PyObject *signature_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    PyObject *result, *arguments, *renew = NULL;
    const char *frontend;
    int abi;
    unsigned flags;
    Signature *self;
    ffi_status status;

    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Signature() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "siIO!O!|O:Signature", &frontend, &abi, &flags, &PyTuple_Type,
                          &result, &PyTuple_Type, &arguments, &renew))
        return NULL;
    self = (Signature *)type->tp_alloc(type, 0);
    if (!self)
        return NULL;
    self->flags = flags;
    self->frontend = parse_frontend(frontend);
    if (!self->frontend || parse_parameter(self, result, &self->result)
        || parse_arguments(self, arguments))
        goto error;
    status = ffi_prep_cif(&self->cif, abi < 0 ? FFI_DEFAULT_ABI : (ffi_abi)abi,
                          (unsigned)self->count, self->result.ffi, self->ffi_arguments);
    if (status != FFI_OK && self->frontend == &frontend_ctypes) { /* as ctypes says it */
        PyErr_Format(PyExc_RuntimeError, "ffi_prep_cif failed with %d", (int)status);
        goto error;
    }
    if (status != FFI_OK) {
        PyErr_Format(PyExc_NotImplementedError,
                     "libffi cannot describe this function type (ffi_prep_cif: %s)",
                     status == FFI_BAD_ABI ? "unknown ABI" : "unsupported type");
        goto error;
    }
    if (renew && late_new(self, renew))
        goto error;
    return (PyObject *)self;

error:
    Py_DECREF(self);
    return NULL;
}

Signature *signature_from(PyObject *source, PyObject *type)
{
    PyObject *signature = PyObject_CallOneArg(source, type);

    if (signature && !Py_IS_TYPE(signature, &Signature_Type)) {
        PyErr_Format(PyExc_TypeError, "expected a signature, not %R", signature);
        Py_CLEAR(signature);
    }
    return (Signature *)signature;
}

static int signature_traverse(Signature *self, visitproc visit, void *arg)
{
    Py_VISIT(self->result.type);
    for (Py_ssize_t i = 0; i < self->count; i++)
        Py_VISIT(self->arguments[i].type);
    return self->late ? late_traverse(self->late, visit, arg) : 0;
}

/*
 * There is no tp_clear: a signature refers to nothing that a program can change to refer back to
 * it.  Closures that exist after the end of the interpreter need the memory.
 */
static void signature_dealloc(Signature *self)
{
    struct layout *next;

    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->result.type);
    for (Py_ssize_t i = 0; i < self->count; i++)
        Py_CLEAR(self->arguments[i].type);
    if (self->late)
        late_clear(self->late);
    if (Py_IsFinalizing())
        return;
    PyMem_Free(self->late);
    PyMem_Free(self->arguments);
    PyMem_Free(self->ffi_arguments);
    for (struct layout *layout = self->layouts; layout; layout = next) {
        next = layout->next;
        PyMem_Free(layout);
    }
    Py_TYPE(self)->tp_free((PyObject *)self);
}

PyTypeObject Signature_Type = {
    PyVarObject_HEAD_INIT(NULL, 0)
    .tp_name = "trampfd._native.Signature",
    .tp_doc = PyDoc_STR("Signature(frontend, abi, flags, result, arguments, renew=None)\n--\n\n"
                        "The cif and the converters of one function type."),
    .tp_basicsize = sizeof(Signature),
    .tp_flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .tp_new = signature_new,
    .tp_dealloc = (destructor)signature_dealloc,
    .tp_traverse = (traverseproc)signature_traverse,
};
