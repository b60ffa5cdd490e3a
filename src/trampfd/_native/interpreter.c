/* SPDX-License-Identifier: MIT */
#include "interpreter.h"

#include "attach.h"

#include <string.h>
#include <sys/mman.h>

#define CAPSULE_NAME "trampfd.interpreter"

struct interpreter interpreter_main;

struct interpreter *interpreter_find(PyInterpreterState *state)
{
    struct interpreter *interpreter = &interpreter_main;

    while (interpreter && atomic_load(&interpreter->state) != state)
        interpreter = atomic_load(&interpreter->next);
    return interpreter;
}

/* Aligned to pages, as a part of it is sealed. */
static struct interpreter *add(void)
{
    struct interpreter *interpreter = mmap(NULL, sizeof(*interpreter), PROT_READ | PROT_WRITE,
                                           MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    struct interpreter *next = atomic_load(&interpreter_main.next);

    if (interpreter == MAP_FAILED) {
        PyErr_SetFromErrno(PyExc_OSError);
        return NULL;
    }
    do
        atomic_store(&interpreter->next, next);
    while (!atomic_compare_exchange_weak(&interpreter_main.next, &next, interpreter));
    return interpreter;
}

static void release_objects(struct interpreter *interpreter)
{
    struct interpreter_objects *of = &interpreter->of;

    Py_CLEAR(of->parameter_type);
    Py_CLEAR(of->signature_type);
    Py_CLEAR(of->closure_type);
    Py_CLEAR(of->bound_type);
    Py_CLEAR(of->closure_error);
    Py_CLEAR(of->fields);
    Py_CLEAR(of->signature_name);
    Py_CLEAR(of->ctypes_signature_of);
    Py_CLEAR(of->cffi_type);
    for (size_t i = 0; i < sizeof(of->cffi_names) / sizeof(of->cffi_names[0]); i++)
        Py_CLEAR(of->cffi_names[i]);
    Py_CLEAR(of->cffi_parameters);
    Py_CLEAR(of->cffi_signatures);
    Py_CLEAR(of->cffi_signature_of);
    Py_CLEAR(of->cffi_owning);
    Py_CLEAR(of->cffi_gcp);
    Py_XDECREF(interpreter->ctypes.is.set_errno);
    Py_XDECREF(interpreter->ctypes.is.simple_class);
    Py_XDECREF(interpreter->ctypes.is.simple_value);
}

/*
 * The destructor of a capsule that an interpreter holds until it destroys itself.  Objects of the
 * main interpreter are not released: destructors may lead to callbacks until the process ends.
 */
static void end(PyObject *capsule)
{
    struct interpreter *interpreter = PyCapsule_GetPointer(capsule, CAPSULE_NAME);

    if (interpreter == &interpreter_main) {
        attach_wait_for_states();
    } else {
        atomic_store(&interpreter->state, NULL);
        release_objects(interpreter);
    }
}

struct interpreter *interpreter_begin(void)
{
    PyInterpreterState *state = PyInterpreterState_Get();
    PyObject *objects = PyInterpreterState_GetDict(state);
    struct interpreter *interpreter;
    PyObject *capsule;

    if (objects && PyDict_GetItemString(objects, CAPSULE_NAME))
        return interpreter_find(state);
    interpreter = state == PyInterpreterState_Main() ? &interpreter_main : add();
    if (!interpreter)
        return NULL;
    memset(&interpreter->of, 0, sizeof(interpreter->of)); /* of an earlier life of the main one */
    capsule = PyCapsule_New(interpreter, CAPSULE_NAME, end);
    if (!capsule || !objects || PyDict_SetItemString(objects, CAPSULE_NAME, capsule)) {
        Py_XDECREF(capsule);
        return PyErr_Occurred() ? NULL : (struct interpreter *)PyErr_NoMemory();
    }
    Py_DECREF(capsule);
    atomic_store(&interpreter->state, state);
    return interpreter;
}
