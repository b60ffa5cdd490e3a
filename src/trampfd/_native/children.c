/* SPDX-License-Identifier: MIT */
/*
 * Telling Python code of the programs that this process starts.  In C, so that the many audit events
 * of a program cost it no call of a Python function.
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

/* multiprocessing reports no program that it starts, and imports these modules before the first. */
static int is_import_of_starter(const char *event, PyObject *args)
{
    static const char *const modules[] = {
        "multiprocessing.popen_forkserver",
        "multiprocessing.popen_spawn_posix",
        NULL,
    };
    PyObject *name;
    const char *module;

    if (strcmp(event, "import"))
        return 0;
    name = PyTuple_GetItem(args, 0);
    module = name ? PyUnicode_AsUTF8(name) : NULL;
    if (!module)
        PyErr_Clear(); /* a name that is none is for the importer to refuse */
    return module && is_one_of(module, modules);
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
    {NULL, NULL, 0, NULL},
};
