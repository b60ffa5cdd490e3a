/* SPDX-License-Identifier: MIT */
/* What the files add to the module: functions (at the end of each file), types and constants. */
#ifndef NATIVE_MODULE_H
#define NATIVE_MODULE_H

#include "compat.h"

extern const PyMethodDef bind_functions[];
extern const PyMethodDef cffi_functions[];
extern const PyMethodDef cffi_signature_functions[];
extern const PyMethodDef children_functions[];
extern const PyMethodDef ctypes_functions[];
extern const PyMethodDef inspect_functions[];
extern const PyMethodDef loaded_libraries_functions[];
extern const PyMethodDef prctl_functions[];
extern const PyMethodDef ptrace_functions[];
extern const PyMethodDef redirect_functions[];
extern const PyMethodDef trampoline_functions[];
extern const PyMethodDef unwind_functions[];

/* 0, or -1 with an exception. */
int error_init(PyObject *module);
int inspect_init(PyObject *module);
int trampoline_init(PyObject *module);

/*
 * Further initialization by cffi_init() and ctypes_init(): the name of a field of ctypes; and the
 * original function of _ctypes.CFuncPtr, before any class is redirected: 0 or -errno.
 */
int late_init(void);
int redirect_init(PyTypeObject *base);

/*
 * How to make cdata and instances, and what makes a signature, called with a ctype or a class.  0,
 * or -1 with an exception.
 */
int cffi_make_init(PyObject *backend, PyObject *sample);
int cffi_signature_init(PyObject *parameters, PyObject *source);
int ctypes_make_init(PyTypeObject *pointer_class, PyObject *signature_of);

#endif
