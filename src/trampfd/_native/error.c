/* SPDX-License-Identifier: MIT */
#include "error.h"

#include "interpreter.h"
#include "module.h"

#include <errno.h>

PyDoc_STRVAR(ClosureError_doc,
             "No closure, or no trampoline, could be made.  This is an OSError and a MemoryError:\n"
             "errno is that of the last attempt, and the text names every source that was tried,\n"
             "the call that failed and the reason.  `attempts` has the same as a list of (source,\n"
             "call, errno).");

int error_init(PyObject *module)
{
    struct interpreter *interpreter = interpreter_now();

    if (!interpreter->of.closure_error) { /* one class, however often the module is imported */
        PyObject *bases = PyTuple_Pack(2, PyExc_OSError, PyExc_MemoryError);

        if (!bases)
            return -1;
        interpreter->of.closure_error =
            PyErr_NewExceptionWithDoc("trampfd.ClosureError", ClosureError_doc, bases, NULL);
        Py_DECREF(bases);
        if (!interpreter->of.closure_error)
            return -1;
    }
    Py_INCREF(interpreter->of.closure_error);
    return PyModule_AddObject(module, "ClosureError", interpreter->of.closure_error);
}

PyObject *error_attempts(const struct trampfd_trail *trail)
{
    PyObject *list = PyList_New(trail->count);

    for (unsigned i = 0; list && i < trail->count; i++) {
        const struct trampfd_attempt *attempt = &trail->attempts[i];
        PyObject *item = Py_BuildValue("ssi", attempt->source, attempt->call, attempt->error);

        if (!item)
            Py_CLEAR(list);
        else
            PyList_SET_ITEM(list, i, item);
    }
    return list;
}

void error_refused(const char *what, const struct trampfd_trail *trail, int error)
{
    char text[1024];
    PyObject *attempts = error_attempts(trail);
    PyObject *exception, *cls = interpreter_now()->of.closure_error;

    trampfd_trail_format(trail, text, sizeof(text));
    exception = PyObject_CallFunction(cls, "iN", error,
                                      PyUnicode_FromFormat("cannot make a %s: %s", what, text));
    if (attempts && exception && !PyObject_SetAttrString(exception, "attempts", attempts))
        PyErr_SetObject(cls, exception);
    Py_XDECREF(exception);
    Py_XDECREF(attempts);
}

void error_print(const char *before, PyObject *object, const char *after)
{
    PyObject *type, *value, *traceback, *text;

    PyErr_Fetch(&type, &value, &traceback);
    text = object ? PyUnicode_FromFormat("%s%R%s", before, object, after)
                  : PyUnicode_FromFormat("%s%s", before, after);
    PyErr_Restore(type, value, traceback);
    if (text)
        PyErr_FormatUnraisable("Exception ignored %U", text);
    else
        PyErr_WriteUnraisable(object);
    Py_XDECREF(text);
}

PyObject *error_raise(int error)
{
    errno = -error;
    return PyErr_SetFromErrno(PyExc_OSError);
}
