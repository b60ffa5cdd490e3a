/* SPDX-License-Identifier: MIT */
/*
 * Telling Python code of the programs that this process starts.  In C, so that the many audit events
 * of a program cost it no call of a Python function.
 */
#include "module.h"

#include <string.h>

static int is_start_of_program(const char *event)
{
    static const char *const events[] = {"subprocess.Popen", "os.exec", "os.posix_spawn"};

    for (size_t i = 0; i < sizeof(events) / sizeof(events[0]); i++)
        if (!strcmp(event, events[i]))
            return 1;
    return 0;
}

/* The program starts whatever becomes of the report. */
static int audit(const char *event, PyObject *args, void *function)
{
    PyObject *done;

    if (!is_start_of_program(event))
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
     PyDoc_STR("watch_children(function)\n--\n\n"
               "From now on call function(event, args) before this process starts a program; the\n"
               "audit events are subprocess.Popen, os.exec and os.posix_spawn.")},
    {NULL, NULL, 0, NULL},
};
