/* SPDX-License-Identifier: MIT */
/* What the files of the extension share: signatures and closures. */
#ifndef NATIVE_H
#define NATIVE_H

#include "attach.h"
#include "compat.h"

#include <closure/closure.h>

struct parameter;

/* A new reference to the C value at `data`, or NULL with an exception. */
typedef PyObject *load_function(const struct parameter *parameter, void *data);

/*
 * Store a value of exactly the expected class that fits, as libffi wants a result.  Returns
 * 0, with nothing stored and no exception, for any other.  Integers need none, see least.
 */
typedef int store_function(void *result, PyObject *value);

/* One argument, or the result. */
struct parameter {
    PyObject *type;        /* cffi ctype or ctypes class; owned */
    ffi_type *ffi;         /* borrowed from libffi or owned by the signature */
    Py_ssize_t size;       /* bytes of the C value */
    load_function *load;   /* of an argument */
    store_function *store; /* of a result; may be NULL */
    long least, most;      /* ints that a result takes as they are; none: most < least */
    char code;             /* how to convert, see the frontend's file */
};

typedef struct {
    PyObject_HEAD
    const struct frontend *frontend;
    ffi_cif cif;
    unsigned flags;
    Py_ssize_t count;
    struct parameter result;
    struct parameter *arguments;
    ffi_type **ffi_arguments;
    struct layout *layouts; /* structures made for this signature */
    struct late *late;      /* see late.h; NULL: closures read their arguments as `cif` says */
} Signature;

/*
 * A callback: the closure and what it calls.  Fields never change, but for `closure`, and for
 * what goes when the interpreter drops the callback at its end, see closure.c.
 */
typedef struct {
    PyObject_HEAD
    Signature *signature;
    PyObject *callable;  /* NULL once it is dropped */
    PyObject *onerror;   /* cffi only; NULL for none */
    PyObject *error;     /* cffi only; bytes to return after an exception */
    void *closure;       /* NULL once it is freed */
    void *code;          /* what the buffer protocol shows: the function pointer */
    char name[40];       /* of the callable, for messages */
} Closure;

/* Whose types and conversions a signature has: those of cffi or of ctypes. */
struct frontend {
    const char *name;
    load_function *(*loader)(char code);
    store_function *(*storer)(char code);
    /* Check what a new closure was given; 0, or -1 with an exception. */
    int (*prepare)(Closure *self, PyObject *error, PyObject *onerror);
    /* The `python` entry: from the frame of a plan straight to Python objects. */
    tfd_dispatch *dispatch;
    /* The same for signatures that have a `late`; NULL where there are none. */
    tfd_dispatch *dispatch_late;
    /* The same from a vector of addresses, for signatures that have no plan; gets the record. */
    trampfd_handler handler;
    /* Store the error value; not attached to the interpreter. */
    void (*return_error_value)(const Closure *self, void *result);
};

extern const struct frontend frontend_cffi, frontend_ctypes;
extern PyTypeObject Signature_Type, Closure_Type, Bound_Type, Trampoline_Type;

/* Take what a frontend needs of the module it converts for; 0, or -1 with an exception. */
int cffi_init(PyObject *backend);
int ctypes_init(PyObject *module);

/* A new cdata of type `ctype` with the address `pointer`. */
PyObject *cffi_pointer(void *pointer, PyObject *ctype);

/*
 * (provider, address, address of the record or 0, list of (what, wanted, found)), or NULL with an
 * OSError for a negative errno; and the error where there is no closure any more.
 */
PyObject *verdict_tuple(void *code, int error, const struct trampfd_verdict *verdict);
PyObject *verdict_of_freed(void);

/* The method of the module that gives the address of uintptr_t identity(uintptr_t). */
PyObject *bound_identity(PyObject *module, PyObject *unused);

/* Redirections for install(); each a method of the module. */
PyObject *redirect_cffi(PyObject *module, PyObject *args);
PyObject *restore_cffi(PyObject *module, PyObject *unused);
int redirect_init(PyTypeObject *base); /* _ctypes.CFuncPtr, before the others; 0 or -errno */
PyObject *activate_new(PyObject *module, PyObject *flag);
PyObject *redirect_new(PyObject *module, PyObject *args);
PyObject *restore_new(PyObject *module, PyObject *type);
PyObject *redirect_libraries(PyObject *module, PyObject *args);
PyObject *restore_libraries(PyObject *module, PyObject *unused);
PyObject *redirected_libraries(PyObject *module, PyObject *unused);

/* Names of the registers that a context may name; a method of the module. */
PyObject *register_names(PyObject *module, PyObject *unused);

/* Raised when no closure can be made, see error.c. */
extern PyObject *ClosureError;
int error_init(PyObject *module);
int trampoline_init(PyObject *module);
/* A list of (way, step, errno). */
PyObject *error_steps(const struct trampfd_trail *trail);
/* Raise it for a closure or a trampoline. */
void error_refused(const char *what, const struct trampfd_trail *trail, int error);

/*
 * Report the current exception through sys.unraisablehook as "Exception ignored
 * <before><object's repr><after>"; `object` may be NULL.
 */
void error_print(const char *before, PyObject *object, const char *after);

/* Fill a result with zeros. */
COLD void clear_result(const ffi_cif *cif, void *result);

/* Return the error value of a callback that cannot be run, and say so the first time. */
COLD void closure_refuse(const Closure *self, void *result, const char *why);

#endif
