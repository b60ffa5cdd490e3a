/* SPDX-License-Identifier: MIT */
/*
 * Audit hooks: telling Python code of the programs that this process starts, and serving its
 * subinterpreters.  In C, so that the many audit events of a program cost it no call of a Python
 * function.
 */
#include "module.h"

#include <string.h>

/* `words` end with NULL. */
static int is_one_of(const char *word, const char *const words[])
{
    for (; *words; words++)
        if (!strcmp(word, *words))
            return 1;
    return 0;
}

/* `words` end with NULL. */
static int is_import_of(const char *event, PyObject *args, const char *const words[])
{
    PyObject *name;
    const char *module;

    if (strcmp(event, "import"))
        return 0;
    name = PyTuple_GetItem(args, 0);
    module = name ? PyUnicode_AsUTF8(name) : NULL;
    if (!module)
        PyErr_Clear(); /* a name that is none is for the importer to refuse */
    return module && is_one_of(module, words);
}

/* multiprocessing reports no program that it starts, and imports these modules before the first. */
static int is_import_of_starter(const char *event, PyObject *args)
{
    static const char *const modules[] = {
        "multiprocessing.popen_forkserver",
        "multiprocessing.popen_spawn_posix",
        NULL,
    };

    return is_import_of(event, args, modules);
}

static int is_start_of_program(const char *event)
{
    static const char *const events[] = {"subprocess.Popen", "os.exec", "os.posix_spawn", NULL};

    return is_one_of(event, events);
}

/* The program starts whatever becomes of the report. */
static int audit(const char *event, PyObject *args, void *function)
{
    PyObject *done;

    if (!is_start_of_program(event) && !is_import_of_starter(event, args))
        return 0;
    done = PyObject_CallFunction(function, "sO", event, args);
    if (!done)
        PyErr_WriteUnraisable(function);
    Py_XDECREF(done);
    return 0;
}

/* Each interpreter that imports one of these needs trampfd before. */
static int is_import_of_callbacks(const char *event, PyObject *args)
{
    static const char *const modules[] = {"ctypes", "_ctypes", "_cffi_backend", NULL};

    return is_import_of(event, args, modules);
}

/* What goes wrong is reported by the function that is called, if it can be imported. */
static int audit_import(const char *event, PyObject *args, void *unused)
{
    PyObject *module, *done = NULL;

    (void)unused;
    if (PyInterpreterState_Get() == PyInterpreterState_Main()
        || !is_import_of_callbacks(event, args))
        return 0;
    module = PyImport_ImportModule("trampfd._install");
    if (module)
        done = PyObject_CallMethod(module, "install_at_start", NULL);
    if (!done)
        PyErr_WriteUnraisable(NULL);
    Py_XDECREF(done);
    Py_XDECREF(module);
    return 0;
}

static PyObject *serve_subinterpreters(PyObject *module, PyObject *unused)
{
    static int is_served;

    (void)module;
    (void)unused;
    if (!is_served && PySys_AddAuditHook(audit_import, NULL))
        return NULL;
    is_served = 1;
    Py_RETURN_NONE;
}

/* Python has no way to take an audit hook away: the function is kept for good. */
static PyObject *watch_children(PyObject *module, PyObject *function)
{
    (void)module;
    if (PySys_AddAuditHook(audit, Py_NewRef(function))) {
        Py_DECREF(function);
        return NULL;
    }
    Py_RETURN_NONE;
}

const PyMethodDef children_functions[] = {
    {"watch_children", watch_children, METH_O,
     PyDoc_STR(
         "watch_children(function)\n--\n\n"
         "From now on call function(event, args) before this process starts a program; the\n"
         "audit events are subprocess.Popen, os.exec, os.posix_spawn and, before the first process\n"
         "of multiprocessing that is not a fork, import.")},
    {"serve_subinterpreters", serve_subinterpreters, METH_NOARGS,
     PyDoc_STR(
         "serve_subinterpreters()\n--\n\nFrom now on install trampfd in each one that imports "
         "ctypes or cffi.")},
    {NULL, NULL, 0, NULL},
};
