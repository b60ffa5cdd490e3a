/* SPDX-License-Identifier: MIT */
/*
 * The extension is written for the newest CPython.  Functions that older ones lack, or define
 * differently, are here, and so are all conditions on the version.
 */
#ifndef NATIVE_COMPAT_H
#define NATIVE_COMPAT_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include "libc_thread.h"

#include <pthread.h>
#include <stddef.h>
#include <sys/uio.h>
#include <unistd.h>

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
#define Py_BEGIN_CRITICAL_SECTION(object) {
#define Py_END_CRITICAL_SECTION() }

static inline int PyDict_GetItemRef(PyObject *dict, PyObject *key, PyObject **result)
{
    *result = PyDict_GetItemWithError(dict, key);
    Py_XINCREF(*result);
    return *result ? 1 : PyErr_Occurred() ? -1 : 0;
}

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

/*
 * Where the stack of this thread ends, or NULL if that cannot be told.  It is asked for once: for the
 * first thread the C library reads all of /proc/self/maps.
 */
static inline const char *compat_stack_end(void)
{
    static TFD_THREAD_LOCAL const char *end;
    pthread_attr_t attributes;
    void *lowest;
    size_t size;

    if (end || pthread_getattr_np(pthread_self(), &attributes))
        return end;
    if (!pthread_attr_getstack(&attributes, &lowest, &size))
        end = (const char *)lowest + size;
    pthread_attr_destroy(&attributes);
    return end;
}

/* Is that on the stack of this thread, in a function that has not returned? */
static inline int compat_is_on_stack(const char *frame)
{
    const char *here = __builtin_frame_address(0);

    return frame > here && frame < compat_stack_end();
}

/*
 * Is that state, of an interpreter whose lock this thread holds, one of this thread's?  Either it has
 * called C in that state, so that its innermost frame of C is on the stack, or it has made the state
 * and nobody runs it: programs such as uWSGI run one state in several threads in turn.  Versions that
 * do not keep that frame know only which thread made the state.
 */
static inline int compat_is_of_thread_here(const PyThreadState *state)
{
    int is_maker = state->thread_id == PyThread_get_thread_ident();

#if PY_VERSION_HEX >= 0x030A0000 && PY_VERSION_HEX < 0x030D0000
    return compat_is_on_stack((const char *)state->cframe)
           || (is_maker && state->cframe == &state->root_cframe);
#else
    return is_maker;
#endif
}

/*
 * Does this thread run the current state, which before CPython 3.12 need not be what CPython takes
 * for the state of the thread?  Another thread may be destroying it: it is read by a system call,
 * which fails where memory is gone.  CPython 3.9 does not keep what is needed.
 */
static inline int compat_is_run_here(const PyThreadState *current)
{
#if PY_VERSION_HEX >= 0x030C0000 || PY_VERSION_HEX < 0x030A0000
    (void)current;
    return 0;
#else
    char *frame;
    struct iovec to = {&frame, sizeof(frame)};
    struct iovec from = {(char *)current + offsetof(PyThreadState, cframe), sizeof(frame)};

    return current && process_vm_readv(getpid(), &to, 1, &from, 1, 0) == (ssize_t)sizeof(frame)
           && compat_is_on_stack(frame);
#endif
}

/*
 * Destroy a state that is not the current one.  If CPython 3.12 or later takes it for the state of
 * some thread, it would clear what it takes for the state of this one.
 */
static inline void compat_destroy_state(PyThreadState *state)
{
    PyThreadState_Clear(state);
#if PY_VERSION_HEX >= 0x030C0000
    state->_status.bound_gilstate = 0;
#endif
    PyThreadState_Delete(state);
}

/* May several threads be attached to one interpreter at once? */
#ifdef Py_GIL_DISABLED
#define COMPAT_FREE_THREADED 1
#else
#define COMPAT_FREE_THREADED 0
#endif

/* The module needs no GIL. */
#ifdef Py_mod_gil
#define COMPAT_WITHOUT_GIL {Py_mod_gil, Py_MOD_GIL_NOT_USED}
#else
#define COMPAT_WITHOUT_GIL {0, NULL} /* the list ends here already */
#endif

/*
 * A reference to an object whose last one another thread may be dropping: 0 if it has.  The memory
 * must be that of the object, and compat_allow_try() have been called when the object was new.
 */
#if !defined(Py_GIL_DISABLED)
static inline void compat_allow_try(PyObject *object)
{
    (void)object;
}

static inline int compat_try_reference(PyObject *object)
{
    Py_INCREF(object);
    return 1;
}
#elif PY_VERSION_HEX >= 0x030E0000
#define compat_allow_try PyUnstable_EnableTryIncRef
#define compat_try_reference PyUnstable_TryIncRef
#else
/* CPython 3.13 has the same for weak references, but exports none of it. */
static inline void compat_allow_try(PyObject *object)
{
    Py_ssize_t none = 0;

    __atomic_compare_exchange_n(&object->ob_ref_shared, &none, _Py_REF_MAYBE_WEAKREF, 0,
                                __ATOMIC_RELAXED, __ATOMIC_RELAXED);
}

static inline int compat_try_reference(PyObject *object)
{
    Py_ssize_t shared = __atomic_load_n(&object->ob_ref_shared, __ATOMIC_ACQUIRE);

    if (_Py_IsOwnedByCurrentThread(object)) { /* nobody else drops this thread's references */
        Py_INCREF(object);
        return 1;
    }
    do
        if (shared == 0 || shared == _Py_REF_MERGED)
            return 0;
    while (!__atomic_compare_exchange_n(&object->ob_ref_shared, &shared,
                                        shared + (1 << _Py_REF_SHARED_SHIFT), 0, __ATOMIC_ACQ_REL,
                                        __ATOMIC_ACQUIRE));
    return 1;
}
#endif

/* Does only the caller refer to the object? */
static inline int compat_is_only_reference(PyObject *object)
{
#if defined(Py_GIL_DISABLED) && PY_VERSION_HEX < 0x030E0000
    return _Py_IsOwnedByCurrentThread(object)
           && __atomic_load_n(&object->ob_ref_local, __ATOMIC_RELAXED) == 1
           && __atomic_load_n(&object->ob_ref_shared, __ATOMIC_RELAXED) == 0;
#elif PY_VERSION_HEX >= 0x030E0000
    return PyUnstable_Object_IsUniquelyReferenced(object);
#else
    return Py_REFCNT(object) == 1;
#endif
}

/* Do all interpreters have one lock? */
#define COMPAT_ONE_LOCK (PY_VERSION_HEX < 0x030C0000)

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
