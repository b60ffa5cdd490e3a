/* SPDX-License-Identifier: MIT */
/* trampfd._native: the compiled part of the package. */
#include "attach.h"
#include "interpreter.h"
#include "module.h"
#include "owner.h"

static const PyMethodDef *const functions[] = {
    bind_functions,     cffi_functions,       cffi_signature_functions,   children_functions,
    ctypes_functions,   inspect_functions,    loaded_libraries_functions, prctl_functions,
    redirect_functions, trampoline_functions,
};

static int add_functions(PyObject *module)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (PyModule_AddFunctions(module, (PyMethodDef *)functions[i]))
            return -1;
    return 0;
}

/* Once for each interpreter, however often it imports the module. */
static int add_type(PyObject *module, PyTypeObject **type, PyType_Spec *spec)
{
    if (!*type)
        *type = (PyTypeObject *)PyType_FromSpec(spec);
    return *type ? PyModule_AddType(module, *type) : -1;
}

static int add_types(PyObject *module, struct interpreter *interpreter)
{
    if (add_type(module, &interpreter->parameter_type, &parameter_spec)
        || add_type(module, &interpreter->signature_type, &signature_spec)
        || add_type(module, &interpreter->closure_type, &closure_spec)
        || add_type(module, &interpreter->bound_type, &bound_spec))
        return -1;
    interpreter->closure_type->tp_new = NULL; /* which a class of Python code inherits */
    return 0;
}

/* Run for each interpreter that imports the module, also when another one has loaded it. */
static int execute(PyObject *module)
{
    struct interpreter *interpreter;

    /* Threads that Python did not make attach to the main interpreter, see attach.c. */
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyObject *message = PyUnicode_FromString("trampfd works in the main interpreter only");
        PyObject *name = PyUnicode_FromString("trampfd");

        if (message && name)
            PyErr_SetImportError(message, name, NULL);
        Py_XDECREF(message);
        Py_XDECREF(name);
        return -1;
    }
    interpreter = interpreter_begin();
    return !interpreter || attach_init() || add_functions(module) || error_init(module)
                   || add_types(module, interpreter) || inspect_init(module)
                   || trampoline_init(module)
               ? -1
               : 0;
}

static const PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    COMPAT_EVERY_INTERPRETER,
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "trampfd._native",
    .m_doc = PyDoc_STR("The compiled part of trampfd."),
    .m_slots = (PyModuleDef_Slot *)slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
