/* SPDX-License-Identifier: MIT */
/*
 * The extension is written for the newest CPython.  Functions that older ones lack, or define
 * differently, are here, and so are all conditions on the version.
 */
#ifndef NATIVE_COMPAT_H
#define NATIVE_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#if PY_VERSION_HEX < 0x030B0000
#include <longintrepr.h>
#endif

#if PY_VERSION_HEX < 0x030A0000
static inline PyObject *Py_NewRef(PyObject *object)
{
    Py_INCREF(object);
    return object;
}
#endif

#if PY_VERSION_HEX < 0x030C0000
static inline int PyUnstable_Long_IsCompact(const PyLongObject *value)
{
    return Py_SIZE(value) >= -1 && Py_SIZE(value) <= 1;
}

static inline Py_ssize_t PyUnstable_Long_CompactValue(const PyLongObject *value)
{
    /* 0 has no digit. */
    return Py_SIZE(value) ? Py_SIZE(value) * (Py_ssize_t)value->ob_digit[0] : 0;
}
#endif

#if PY_VERSION_HEX < 0x030D0000
#define Py_IsFinalizing _Py_IsFinalizing
#define PyThreadState_GetUnchecked _PyThreadState_UncheckedGet

/* The format begins with "Exception ignored ", which older ones write themselves. */
static inline void PyErr_FormatUnraisable(const char *format, ...)
{
    PyObject *type, *value, *traceback, *text;
    const char *utf8;
    va_list arguments;

    PyErr_Fetch(&type, &value, &traceback);
    va_start(arguments, format);
    text = PyUnicode_FromFormatV(format, arguments);
    va_end(arguments);
    utf8 = text ? PyUnicode_AsUTF8(text) : NULL;
    PyErr_Restore(type, value, traceback);
    _PyErr_WriteUnraisableMsg(utf8 ? utf8 + sizeof("Exception ignored ") - 1 : NULL, NULL);
    Py_XDECREF(text);
}
#endif

/* Is what PyThreadState_GetUnchecked() returned the state of this thread?  It was the current one
   of the whole process before CPython 3.12. */
static inline int compat_is_of_this_thread(const PyThreadState *current)
{
#if PY_VERSION_HEX >= 0x030C0000
    return current != NULL;
#else
    return current && current == PyGILState_GetThisThreadState();
#endif
}

/* Deleting the state of another thread would otherwise make CPython 3.12 and later forget the
   state of this one: it clears the caller's thread-local pointer. */
static inline void compat_unbind_state(PyThreadState *state)
{
#if PY_VERSION_HEX >= 0x030C0000
    state->_status.bound_gilstate = 0;
#else
    (void)state;
#endif
}

/* Does the state have objects of threading? */
static inline int compat_is_known_to_threading(const PyThreadState *state)
{
#if PY_VERSION_HEX >= 0x030D0000
    return state->threading_local_key || state->threading_local_sentinel;
#else
    return state->on_delete != NULL;
#endif
}

/* Program code does not change our classes; before 3.10 it could. */
#ifdef Py_TPFLAGS_IMMUTABLETYPE
#define COMPAT_IMMUTABLE Py_TPFLAGS_IMMUTABLETYPE
#else
#define COMPAT_IMMUTABLE 0
#endif

/* The module itself refuses all interpreters except the main one, with a message. */
#ifdef Py_mod_multiple_interpreters
#define COMPAT_EVERY_INTERPRETER                                                                   \
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED}
#else
#define COMPAT_EVERY_INTERPRETER {0, NULL} /* the list ends here already */
#endif

/* Since 3.13.2 ctypes reports arguments that cannot be made as it does all else. */
static inline int compat_ctypes_reports_arguments(void)
{
#if PY_VERSION_HEX >= 0x030D0000
    return Py_Version >= 0x030D02F0;
#else
    return 0;
#endif
}

/* ctypes says "Exception ignored while calling ..." since 3.14, "on calling" before. */
#if PY_VERSION_HEX >= 0x030E0000
#define COMPAT_CTYPES_WHILE "while "
#else
#define COMPAT_CTYPES_WHILE "on "
#endif

/* Report the current exception as "Exception ignored <text> <repr of object>".  Before 3.13
   sys.unraisablehook gets the object as such. */
static inline void compat_report(const char *text, PyObject *object)
{
#if PY_VERSION_HEX >= 0x030D0000
    PyErr_FormatUnraisable("Exception ignored %s %R", text, object);
#else
    _PyErr_WriteUnraisableMsg(text, object);
#endif
}

#endif
