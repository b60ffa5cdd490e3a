/* SPDX-License-Identifier: MIT */
/* Instances of ctypes classes: their buffers, and those that arguments are passed as. */
#ifndef NATIVE_CTYPES_INSTANCE_H
#define NATIVE_CTYPES_INSTANCE_H

#include "owner.h"

/*
 * Learn where instances keep what this file needs; `cls` is any class of ctypes.  0, or -1 with an
 * exception.
 */
int ctypes_instance_init(PyObject *cls);

/* Copy C data into the buffer of an instance, as much as fits there; 0, or -1 with an exception. */
int ctypes_fill(PyObject *instance, const void *data, Py_ssize_t size);

/* What ctypes keeps alive for an instance that holds none of it yet.  Takes a new reference. */
void ctypes_keep(PyObject *instance, PyObject *object);

/* An argument as an instance of its class, made by calling the class. */
load_function ctypes_load_instance;

/*
 * The end of an argument.  If nobody kept the instance, and it is as it was when it was new, the
 * next call gets it again: to make and to destroy one takes longer than all the rest of a call.
 */
void ctypes_give_back(const struct parameter *parameter, PyObject *instance);

#endif
