/* SPDX-License-Identifier: MIT */
/* trampfd._native: the compiled part of the package. */
#include "attach.h"
#include "interpreter.h"
#include "module.h"
#include "frontend.h"

static const PyMethodDef *const functions[] = {
    bind_functions,   cffi_functions,     cffi_signature_functions,   children_functions,
    ctypes_functions, inspect_functions,  loaded_libraries_functions, prctl_functions,
    ptrace_functions, redirect_functions, trampoline_functions,       unwind_functions,
};

static int add_functions(PyObject *module)
{
    for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
        if (PyModule_AddFunctions(module, (PyMethodDef *)functions[i]))
            return -1;
    return 0;
}

static PyTypeObject *type_of(PyType_Spec *spec)
{
    return (PyTypeObject *)PyType_FromSpec(spec);
}

static int add_types(PyObject *module, struct interpreter *interpreter)
{
    struct interpreter_objects *of = &interpreter->of;

    if (!of->closure_type) { /* once, however often the interpreter imports the module */
        of->parameter_type = type_of(&parameter_spec);
        of->signature_type = of->parameter_type ? type_of(&signature_spec) : NULL;
        of->bound_type = of->signature_type ? type_of(&bound_spec) : NULL;
        of->closure_type = of->bound_type ? closure_type_for(interpreter) : NULL;
    }
    return !of->closure_type || PyModule_AddType(module, of->parameter_type)
                   || PyModule_AddType(module, of->signature_type)
                   || PyModule_AddType(module, of->closure_type)
                   || PyModule_AddType(module, of->bound_type)
               ? -1
               : 0;
}

static int execute(PyObject *module)
{
    struct interpreter *interpreter = interpreter_begin();

    return !interpreter || attach_init() || add_functions(module) || error_init(module)
                   || add_types(module, interpreter) || inspect_init(module)
                   || trampoline_init(module)
               ? -1
               : 0;
}

static const PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    COMPAT_EVERY_INTERPRETER,
    COMPAT_WITHOUT_GIL,
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
