/* SPDX-License-Identifier: MIT */
/* prctl(2), for Pythons in which ctypes cannot be imported. */
#include "module.h"

#include <sys/prctl.h>

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

const PyMethodDef prctl_functions[] = {
    {"prctl", call_prctl, METH_VARARGS,
     PyDoc_STR("prctl(option, arg2=0, arg3=0, arg4=0, arg5=0)\n--\n\nprctl(2); raises OSError.")},
    {NULL, NULL, 0, NULL},
};
