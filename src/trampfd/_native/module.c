/* SPDX-License-Identifier: MIT */
/* trampfd._native: what the Python files of the package cannot do themselves. */
#include "attach.h"
#include "native.h"

#include <sys/prctl.h>

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
                         (Py_ssize_t)s.blocks_trampfd_user, "slots_used",
                         (Py_ssize_t)s.slots_used, "slots_free",
                         (Py_ssize_t)s.slots_free, "code_bytes", (Py_ssize_t)s.code_bytes,
                         "record_bytes", (Py_ssize_t)s.record_bytes, "plans",
                         (Py_ssize_t)s.plans, "without_plan", (Py_ssize_t)s.without_plan, "steps",
                         error_steps(&s.trail));
}

static PyObject *probe(PyObject *module, PyObject *unused)
{
    struct trampfd_trail trail;

    (void)module;
    (void)unused;
    trampfd_probe(&trail);
    return error_steps(&trail);
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

static PyObject *call_prctl(PyObject *module, PyObject *args)
{
    int option, result;
    unsigned long a2 = 0, a3 = 0, a4 = 0, a5 = 0;

    (void)module;
    if (!PyArg_ParseTuple(args, "i|kkkk:prctl", &option, &a2, &a3, &a4, &a5))
        return NULL;
    result = prctl(option, a2, a3, a4, a5);
    return result < 0 ? PyErr_SetFromErrno(PyExc_OSError) : PyLong_FromLong(result);
}

/* init_cffi(module), init_ctypes(module) */
static PyObject *init_cffi(PyObject *module, PyObject *backend)
{
    (void)module;
    if (cffi_init(backend))
        return NULL;
    Py_RETURN_NONE;
}

static PyObject *init_ctypes(PyObject *module, PyObject *ctypes)
{
    (void)module;
    if (ctypes_init(ctypes))
        return NULL;
    Py_RETURN_NONE;
}

static const PyMethodDef methods[] = {
    {"status", status, METH_NOARGS,
     PyDoc_STR("status()\n--\n\nCounts of blocks and slots as a dict, see trampfd.status().")},
    {"probe", probe, METH_NOARGS,
     PyDoc_STR("probe()\n--\n\nTry every way to make a block: list of (way, step, errno).")},
    {"find", find, METH_O,
     PyDoc_STR("find(address)\n--\n\nThe slot at a code address as a dict, or None.")},
    {"prctl", call_prctl, METH_VARARGS,
     PyDoc_STR("prctl(option, arg2=0, arg3=0, arg4=0, arg5=0)\n--\n\nprctl(2); raises OSError.")},
    {"init_cffi", init_cffi, METH_O,
     PyDoc_STR("init_cffi(backend)\n--\n\nUse this _cffi_backend's conversions.")},
    {"init_ctypes", init_ctypes, METH_O,
     PyDoc_STR("init_ctypes(module)\n--\n\nUse this _ctypes module's errno functions.")},
    {"identity", bound_identity, METH_NOARGS,
     PyDoc_STR("identity()\n--\n\nThe address of a C function whose result, a word, is its "
               "argument.")},
    {"redirect_cffi", redirect_cffi, METH_VARARGS,
     PyDoc_STR("redirect_cffi(function, method, decorator, ctype_class, owner_class, replacement)"
               "\n--\n\n"
               "Let _cffi_backend.callback, FFI.callback and its decorators make callbacks with\n"
               "replacement(ctype, callable, error, onerror), and the repr of these, which are of\n"
               "owner_class, name the callable.")},
    {"restore_cffi", restore_cffi, METH_NOARGS,
     PyDoc_STR("restore_cffi()\n--\n\nUndo redirect_cffi().")},
    {"activate_new", activate_new, METH_O,
     PyDoc_STR("activate_new(flag)\n--\n\nMake the redirections of redirect_new() count, or not.")},
    {"redirect_new", redirect_new, METH_VARARGS,
     PyDoc_STR("redirect_new(cls, replacement)\n--\n\n"
               "Let cls(callable) be replacement(cls, callable).")},
    {"restore_new", restore_new, METH_O,
     PyDoc_STR("restore_new(cls)\n--\n\nUndo redirect_new().")},
    {"register_names", register_names, METH_NOARGS,
     PyDoc_STR("register_names()\n--\n\nThe registers that a trampoline can load.")},
    {"redirect_libraries", redirect_libraries, METH_VARARGS,
     PyDoc_STR("redirect_libraries(library, skipped)\n--\n\n"
               "Let loaded objects, but those of the skipped paths, make closures by a library.")},
    {"restore_libraries", restore_libraries, METH_NOARGS,
     PyDoc_STR("restore_libraries()\n--\n\nLet loaded objects make closures by libffi again.")},
    {"redirected_libraries", redirected_libraries, METH_NOARGS,
     PyDoc_STR("redirected_libraries()\n--\n\n"
               "List of (object, symbol, origin, target, refused step or None, errno).")},
    {NULL, NULL, 0, NULL},
};

/* Run for each interpreter that imports the module, also when another one has loaded it. */
static int execute(PyObject *module)
{
    /* Callbacks attach by PyGILState_Ensure(), which knows the main interpreter only. */
    if (PyInterpreterState_Get() != PyInterpreterState_Main()) {
        PyObject *message = PyUnicode_FromString("trampfd works in the main interpreter only");
        PyObject *name = PyUnicode_FromString("trampfd");

        if (message && name)
            PyErr_SetImportError(message, name, NULL);
        Py_XDECREF(message);
        Py_XDECREF(name);
        return -1;
    }
    return attach_init() || error_init(module) || PyModule_AddType(module, &Signature_Type)
                   || PyModule_AddType(module, &Closure_Type)
                   || PyModule_AddType(module, &Bound_Type)
                   || trampoline_init(module)
               ? -1
               : 0;
}

static const PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    COMPAT_EVERY_INTERPRETER
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "trampfd._native",
    .m_doc = PyDoc_STR("The compiled part of trampfd."),
    .m_methods = (PyMethodDef *)methods,
    .m_slots = (PyModuleDef_Slot *)slots,
};

PyMODINIT_FUNC PyInit__native(void)
{
    return PyModuleDef_Init(&definition);
}
