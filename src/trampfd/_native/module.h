/* SPDX-License-Identifier: MIT */
/* What the files add to the module: functions, which stand at the end of each, types and more. */
#ifndef NATIVE_MODULE_H
#define NATIVE_MODULE_H

#include "compat.h"

extern const PyMethodDef bind_functions[];
extern const PyMethodDef cffi_functions[];
extern const PyMethodDef ctypes_functions[];
extern const PyMethodDef inspect_functions[];
extern const PyMethodDef loaded_libraries_functions[];
extern const PyMethodDef prctl_functions[];
extern const PyMethodDef redirect_functions[];
extern const PyMethodDef trampoline_functions[];

/* 0, or -1 with an exception. */
int error_init(PyObject *module);
int inspect_init(PyObject *module);
int trampoline_init(PyObject *module);

/*
 * What cffi_init() and ctypes_init() do once more: the name of a field of ctypes; and, of
 * _ctypes.CFuncPtr before all other classes, what redirections lead back to: 0 or -errno.
 */
int late_init(void);
int redirect_init(PyTypeObject *base);

/*
 * What makes a signature, called with a ctype or a class; where it may have been kept; and where
 * instances keep things alive.  0, or -1 with an exception.
 */
int cffi_make_init(PyObject *backend, PyObject *signatures, PyObject *signature_of,
                   PyObject *sample);
int ctypes_make_init(PyTypeObject *pointer_class, PyObject *signature_of);

#endif
