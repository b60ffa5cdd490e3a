/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include <base/setting.h>

#include <frameobject.h>
#include <stdio.h>
#include <string.h>

#define PATH_SIZE 100 /* the end of longer ones is shown, so that both lines fit into one name */
#define LINE_SIZE (PATH_SIZE + 20)

/* Code between the program and the extension. */
static int is_of_library(const char *module)
{
    static const char *const packages[] = {"trampfd", "cffi", "ctypes"};

    for (size_t i = 0; i < sizeof(packages) / sizeof(packages[0]); i++) {
        size_t length = strlen(packages[i]);

        if (!strncmp(module, packages[i], length)
            && (module[length] == '.' || module[length] == '\0'))
            return 1;
    }
    return 0;
}

static int is_of_program(PyFrameObject *frame)
{
    PyObject *globals = PyObject_GetAttrString((PyObject *)frame, "f_globals");
    PyObject *module = globals ? PyDict_GetItemString(globals, "__name__") : NULL;
    const char *name = module && PyUnicode_Check(module) ? PyUnicode_AsUTF8(module) : "";
    int answer = !name || !is_of_library(name);

    Py_XDECREF(globals);
    return answer;
}

/* The frame that Python runs for the program; a new reference, NULL if there is none. */
static PyFrameObject *find_frame(void)
{
    PyFrameObject *frame = PyEval_GetFrame();

    Py_XINCREF(frame);
    while (frame && !is_of_program(frame)) {
        PyFrameObject *caller = PyFrame_GetBack(frame);

        Py_DECREF(frame);
        frame = caller;
    }
    return frame;
}

static void write_line(PyFrameObject *frame, char line[LINE_SIZE])
{
    PyCodeObject *code = PyFrame_GetCode(frame);
    const char *path = PyUnicode_AsUTF8(code->co_filename);
    size_t length = path ? strlen(path) : 0;
    int is_long = length >= PATH_SIZE;

    snprintf(line, LINE_SIZE, "%s%s:%d", is_long ? "..." : "",
             path ? path + (is_long ? length - PATH_SIZE + sizeof("...") : 0) : "?",
             PyFrame_GetLineNumber(frame));
    Py_DECREF(code);
}

static void find_line(char line[LINE_SIZE])
{
    PyObject *type, *value, *traceback;
    PyFrameObject *frame;

    PyErr_Fetch(&type, &value, &traceback);
    frame = find_frame();
    if (frame)
        write_line(frame, line);
    else
        snprintf(line, LINE_SIZE, "no line of Python");
    Py_XDECREF(frame);
    PyErr_Restore(type, value, traceback);
}

PyObject *origin_made(PyObject *name)
{
    char line[LINE_SIZE];
    PyObject *longer;

    if (!name || !tfd_debug())
        return name;
    find_line(line);
    longer = PyUnicode_FromFormat("%U, made at %s", name, line);
    if (longer && !PyUnicode_AsUTF8(longer))
        Py_CLEAR(longer);
    Py_DECREF(name);
    return longer;
}

const char *origin_freed(const char *name, char text[TFD_NAME_SIZE_DEBUG])
{
    char line[LINE_SIZE];

    if (!tfd_debug())
        return name;
    find_line(line);
    snprintf(text, TFD_NAME_SIZE_DEBUG, "%s, freed at %s", name, line);
    return text;
}
