/* SPDX-License-Identifier: MIT */
/*
 * What is left when a callback int(int, int) of one Python function is written by hand in C,
 * and the floor below that: the vectorcall alone, its arguments made beforehand.
 *
 * set(function) returns the addresses of three C functions: for callers that are attached to the
 * interpreter, for any caller, and the floor (the sum it returns is that of the objects, 1 + 1).
 */
#include <Python.h>

static PyObject *function, *one;

static int result_of(PyObject *result)
{
    int value = -1;

    if (result)
        value = (int)PyLong_AsLong(result);
    if (PyErr_Occurred())
        PyErr_WriteUnraisable(function);
    Py_XDECREF(result);
    return value;
}

static int attached(int a, int b)
{
    PyObject *objects[3] = {NULL, PyLong_FromLong(a), PyLong_FromLong(b)};
    PyObject *result = NULL;

    if (objects[1] && objects[2])
        result =
            PyObject_Vectorcall(function, objects + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL);
    Py_XDECREF(objects[1]);
    Py_XDECREF(objects[2]);
    return result_of(result);
}

static int any(int a, int b)
{
    PyGILState_STATE state = PyGILState_Ensure();
    int value = attached(a, b);

    PyGILState_Release(state);
    return value;
}

static int floor_of(int a, int b)
{
    PyObject *objects[3] = {NULL, one, one};

    (void)a, (void)b;
    Py_XDECREF(
        PyObject_Vectorcall(function, objects + 1, 2 | PY_VECTORCALL_ARGUMENTS_OFFSET, NULL));
    return 2;
}

static PyObject *set(PyObject *module, PyObject *target)
{
    (void)module;
    Py_INCREF(target);
    Py_XDECREF(function);
    function = target;
    return Py_BuildValue("NNN", PyLong_FromVoidPtr((void *)attached),
                         PyLong_FromVoidPtr((void *)any), PyLong_FromVoidPtr((void *)floor_of));
}

static PyMethodDef methods[] = {
    {"set", set, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "pure",
    .m_size = -1,
    .m_methods = methods,
};

PyMODINIT_FUNC PyInit_pure(void)
{
    one = PyLong_FromLong(1);
    return one ? PyModule_Create(&definition) : NULL;
}
