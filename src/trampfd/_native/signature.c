/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Signature(abi, flags, result, arguments[, renew]): the cif and the converters of
 * one function type, shared by all its callbacks, of Parameters; renew: see late.h.
 */
#include "signature.h"

#include "frontend.h"
#include "interpreter.h"
#include "late.h"

/* Arguments are side by side, for dispatch.h. */
static int take_parameters(Signature *self, PyObject *result, PyObject *parameters)
{
    Py_ssize_t count = PyTuple_GET_SIZE(parameters);

    self->arguments = PyMem_Malloc((size_t)(count + 1) * sizeof(*self->arguments));
    self->ffi_arguments = PyMem_RawMalloc((size_t)(count + 1) * sizeof(*self->ffi_arguments));
    self->cif = PyMem_RawMalloc(sizeof(*self->cif));
    if (!self->arguments || !self->ffi_arguments || !self->cif) {
        PyErr_NoMemory();
        return -1;
    }
    self->of_result = Py_NewRef(result);
    self->parameters = Py_NewRef(parameters);
    self->frontend = ((Parameter *)result)->frontend;
    self->result = ((Parameter *)result)->is;
    self->count = count;
    for (Py_ssize_t i = 0; i < count; i++) {
        self->arguments[i] = ((Parameter *)PyTuple_GET_ITEM(parameters, i))->is;
        self->ffi_arguments[i] = self->arguments[i].ffi;
    }
    return 0;
}

static int prepare_cif(Signature *self, int abi)
{
    ffi_status status = ffi_prep_cif(self->cif, abi < 0 ? FFI_DEFAULT_ABI : (ffi_abi)abi,
                                     (unsigned)self->count, self->result.ffi, self->ffi_arguments);

    if (status == FFI_OK)
        return 0;
    if (self->frontend == &frontend_ctypes) /* as ctypes says it */
        PyErr_Format(PyExc_RuntimeError, "ffi_prep_cif failed with %d", (int)status);
    else
        PyErr_Format(PyExc_NotImplementedError,
                     "libffi cannot describe this function type (ffi_prep_cif: %s)",
                     status == FFI_BAD_ABI ? "unknown ABI" : "unsupported type");
    return -1;
}

Signature *signature_make(int abi, unsigned flags, PyObject *result, PyObject *parameters,
                          PyObject *renew)
{
    PyTypeObject *type = interpreter_now()->of.signature_type;
    Signature *self = (Signature *)type->tp_alloc(type, 0);

    if (!self)
        return NULL;
    self->flags = flags;
    if (take_parameters(self, result, parameters) || prepare_cif(self, abi)
        || (renew && late_new(self, renew)))
        Py_CLEAR(self);
    return self;
}

static PyObject *signature_new(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    const struct interpreter *interpreter = interpreter_now();
    PyObject *result, *parameters, *renew = NULL;
    unsigned flags;
    int abi;

    (void)type;
    if (kwargs && PyDict_GET_SIZE(kwargs)) {
        PyErr_SetString(PyExc_TypeError, "Signature() takes no keyword arguments");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "iIO!O!|O:Signature", &abi, &flags, interpreter->of.parameter_type,
                          &result, &PyTuple_Type, &parameters, &renew))
        return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(parameters); i++)
        if (!Py_IS_TYPE(PyTuple_GET_ITEM(parameters, i), interpreter->of.parameter_type))
            return PyErr_Format(PyExc_TypeError, "argument %zd is not a Parameter", i);
    return (PyObject *)signature_make(abi, flags, result, parameters, renew);
}

Signature *signature_from(PyObject *source, PyObject *type)
{
    PyObject *signature = PyObject_CallOneArg(source, type);

    if (signature && !Py_IS_TYPE(signature, interpreter_now()->of.signature_type)) {
        PyErr_Format(PyExc_TypeError, "expected a signature, not %R", signature);
        Py_CLEAR(signature);
    }
    return (Signature *)signature;
}

static int signature_traverse(Signature *self, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(self->of_result);
    Py_VISIT(self->parameters);
    return self->late ? late_traverse(self->late, visit, arg) : 0;
}

/*
 * There is no tp_clear: a signature refers to nothing that a program can change to refer back to
 * it.  Closures that exist after the end of the interpreter need the memory.
 */
static void signature_dealloc(Signature *self)
{
    PyTypeObject *type = Py_TYPE(self);

    PyObject_GC_UnTrack(self);
    Py_CLEAR(self->of_result);
    Py_CLEAR(self->parameters);
    if (self->late)
        late_clear(self->late);
    if (Py_IsFinalizing())
        return;
    if (!self->result.interpreter || !interpreter_is_ending(self->result.interpreter)) {
        PyMem_RawFree(self->late);
        PyMem_RawFree(self->ffi_arguments);
        PyMem_RawFree(self->cif);
    }
    PyMem_Free(self->arguments);
    type->tp_free((PyObject *)self);
    Py_DECREF(type);
}

static const PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Signature(abi, flags, result, arguments, renew=None)\n--\n\n"
                                  "The cif and the converters of one function type.")},
    {Py_tp_new, signature_new},
    {Py_tp_dealloc, signature_dealloc},
    {Py_tp_traverse, signature_traverse},
    {0, NULL},
};

PyType_Spec signature_spec = {
    .name = "trampfd._native.Signature",
    .basicsize = sizeof(Signature),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | COMPAT_IMMUTABLE,
    .slots = (PyType_Slot *)slots,
};
