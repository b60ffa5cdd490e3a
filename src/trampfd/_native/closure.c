/* SPDX-License-Identifier: MIT */
/*
 * trampfd._native.Closure: owns one closure and what it calls; made by ctypes_make.c and
 * cffi_make.c.
 *
 * A call holds a reference, so a closure that loses its last reference inside its own call is freed
 * when that call returns.
 *
 * The interpreter drops every object at its end, but C libraries call back later: from their own
 * threads at any time, and at exit.  An object that is dropped after finalization has begun is
 * freed only as far as Python code can notice.  The callable and the objects it holds are freed;
 * the closure, and the memory of this object, of its signature and of its error value, are kept
 * until the process ends, so a call finds that there is no callable and returns the error value.  A
 * thread that is not attached may read all of these once it has seen that the interpreter is
 * finalizing: anything that was freed was freed before that, under the interpreter's lock, and its
 * record shows it.
 *
 * The memory of a subinterpreter may go with it.  There the user data of a closure is a target,
 * which outlives the Closure, see target.h.
 */
#include "callee.h"
#include "error.h"
#include "frontend.h"
#include "interpreter.h"
#include "late.h"
#include "state.h"

#include <closure/plan.h>
#include <closure/verify.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* In a subinterpreter. */
struct subclosure {
    Closure closure;
    struct target *target;
};

/*
 * One str for all closures with that name; not without the GIL, where making it takes a lock of
 * CPython's that another thread may have held when this process was forked.
 */
static PyObject *shared_name(const char *name)
{
    return COMPAT_FREE_THREADED ? PyUnicode_FromString(name) : PyUnicode_InternFromString(name);
}

PyObject *closure_name_of(PyObject *callable)
{
    PyObject *name = NULL;

    if (PyMethod_Check(callable))
        callable = PyMethod_GET_FUNCTION(callable);
    if (PyCFunction_Check(callable))
        return shared_name(((PyCFunctionObject *)callable)->m_ml->ml_name);
    if (PyFunction_Check(callable))
        name = owner_readable(((PyFunctionObject *)callable)->func_qualname);
    return name ? name : shared_name(Py_TYPE(callable)->tp_name);
}

static struct target *target_of_closure(const Closure *self)
{
    int is_of_main = self->owner.signature->result.interpreter == &interpreter_main;

    return is_of_main ? NULL : ((const struct subclosure *)self)->target;
}

void *closure_user_data(const Closure *self)
{
    const struct target *target = target_of_closure(self);

    return target ? target_user_data(target) : (void *)self;
}

/* Of closures of this signature. */
static ffi_cif *cif_of(Signature *signature)
{
    return signature->late ? &signature->late->cif : signature->cif;
}

static tfd_dispatch *dispatch_of(const Signature *signature)
{
    if (signature->late)
        return signature->frontend->dispatch_late;
    if (signature->count > DISPATCH_FEW)
        return tfd_plan_call_with_record; /* which calls the frontend's handler */
    return signature->frontend->dispatch;
}

int tfd_dispatch_is_known(tfd_dispatch *dispatch)
{
    return dispatch == frontend_cffi.dispatch || dispatch == frontend_ctypes.dispatch
           || dispatch == frontend_ctypes.dispatch_late;
}

/*
 * Making a plan may fail for lack of memory.  Without a plan libffi would enter the closure, with
 * arguments according to the cif of its `late`, which are not those of a call.
 */
static int lacks_plan(const Closure *self, void *code)
{
    struct trampfd_closure closure;

    return self->owner.signature->late
           && (trampfd_closure_read(code, &closure) || closure.entry != TRAMPFD_ENTRY_PLAN);
}

/* Give a new object a closure; 0, or -1 with an exception. */
static int make(Closure *self, void **code)
{
    Signature *signature = self->owner.signature;
    const ffi_closure wanted = {.cif = cif_of(signature),
                                .fun = signature->frontend->handler,
                                .user_data = closure_user_data(self)};
    struct trampfd_trail trail;
    int error =
        tfd_closure_make(&wanted, dispatch_of(signature), &self->owner.closure, code, &trail);

    if (error && trail.count) {
        error_refused("closure", &trail, -error);
    } else if (error) {
        PyErr_Format(PyExc_NotImplementedError,
                     "libffi cannot make a closure of this function type (%s)", strerror(-error));
    } else if (lacks_plan(self, *code)) {
        PyErr_NoMemory();
        error = -ENOMEM;
    }
    return error ? -1 : 0;
}

Closure *closure_make(Signature *signature, PyObject *callable, PyObject *about, void **code)
{
    const struct interpreter *interpreter = signature->result.interpreter;
    Closure *self = about ? PyObject_GC_New(Closure, interpreter->of.closure_type) : NULL;

    if (!self) {
        Py_XDECREF(about);
        return NULL;
    }
    Py_INCREF(signature);
    self->owner.signature = signature;
    Py_INCREF(callable);
    self->owner.kept = callable;
    self->owner.closure = NULL;
    self->owner.about = about;
    compat_allow_try((PyObject *)self);
    if (interpreter != &interpreter_main)
        ((struct subclosure *)self)->target = target_new(self);
    PyObject_GC_Track(self);
    if (interpreter != &interpreter_main && !target_of_closure(self)) {
        PyErr_NoMemory();
        Py_CLEAR(self);
    } else if (make(self, code)) {
        Py_CLEAR(self);
    }
    return self;
}

void closure_say_refused(const char *name, const char *why)
{
    char message[200];

    if (atomic_exchange(&native.refusal_is_told, 1))
        return;
    snprintf(message, sizeof(message),
             "trampfd: the callback %s was called %s; it returned its error value\n", name, why);
    if (write(STDERR_FILENO, message, strlen(message)) < 0)
        return; /* there is no standard error */
}

void closure_refuse(const Closure *self, void *result, const char *why)
{
    self->owner.signature->frontend->return_error_value(self, result);
    closure_say_refused(owner_name(&self->owner), why);
}

/* The tuple is ours alone, and other threads read its other parts only. */
static void clear_onerror(Closure *self)
{
    PyObject *onerror = closure_onerror(self);

    if (onerror) {
        Py_INCREF(Py_None);
        PyTuple_SET_ITEM(self->owner.about, 1, Py_None);
        Py_DECREF(onerror);
    }
}

static void clear_callable(Closure *self)
{
    PyObject *callable = owner_take(&self->owner.kept);

    callee_wait(closure_user_data(self));
    Py_XDECREF(callable);
}

/* Without the GIL a call may be reading the tuple that has onerror: it is left to the end. */
static int closure_clear(Closure *self)
{
    owner_free(&self->owner);
    clear_callable(self);
    if (!COMPAT_FREE_THREADED)
        clear_onerror(self);
    return 0;
}

void closure_dealloc(PyObject *object)
{
    Closure *self = (Closure *)object;
    PyTypeObject *type = Py_TYPE(self);
    struct target *target = target_of_closure(self);

    PyObject_GC_UnTrack(self);
    owner_free(&self->owner);
    if (target && self->owner.closure) /* it stays callable, see owner_free() */
        atomic_store(&target->closure, NULL);
    clear_callable(self);
    clear_onerror(self);
    if (target && !self->owner.closure)
        target_release(target);
    Py_DECREF(self->owner.signature);
    if (!target && self->owner.closure) /* of the main interpreter: the memory stays, too */
        return;
    Py_DECREF(self->owner.about);
    type->tp_free(object);
    Py_DECREF(type);
}

static int compare(const struct owner *self, void **code, struct trampfd_report *report)
{
    Signature *signature = self->signature;

    *code = tfd_closure_code(self->closure);
    return tfd_closure_verify(*code, cif_of(signature), signature->frontend->handler,
                              closure_user_data((const Closure *)self), dispatch_of(signature),
                              report);
}

static PyObject *closure_verify(struct owner *self, PyObject *unused)
{
    (void)unused;
    return owner_verify(self, compare);
}

/* The caller keeps the object until the end of the interpreter. */
static PyObject *closure_make_permanent(struct owner *self, PyObject *unused)
{
    int error = -EINVAL; /* it was freed */

    (void)unused;
    Py_BEGIN_CRITICAL_SECTION(self);
    if (self->closure)
        error = trampfd_closure_make_permanent(self->closure);
    Py_END_CRITICAL_SECTION();
    if (error)
        return error_raise(error);
    Py_RETURN_NONE;
}

static const PyMethodDef closure_methods[] = {
    {"make_permanent", (PyCFunction)closure_make_permanent, METH_NOARGS,
     PyDoc_STR("make_permanent()\n--\n\nSee trampfd_closure_make_permanent().")},
    {"verify", (PyCFunction)closure_verify, METH_NOARGS, owner_verify_doc},
    {NULL, NULL, 0, NULL},
};

static const PyType_Slot slots[] = {
    {Py_tp_doc, (void *)PyDoc_STR("Owner of one closure; calling it frees the closure.")},
    {Py_tp_dealloc, closure_dealloc},
    {Py_tp_traverse, owner_traverse},
    {Py_tp_clear, closure_clear},
    {Py_tp_call, owner_call},
    {Py_tp_methods, (void *)closure_methods},
    {0, NULL},
};

PyTypeObject *closure_type_for(const struct interpreter *interpreter)
{
    PyType_Spec spec = {
        .name = "trampfd._native.Closure",
        .basicsize = interpreter == &interpreter_main ? sizeof(Closure) : sizeof(struct subclosure),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | COMPAT_IMMUTABLE,
        .slots = (PyType_Slot *)slots,
    };
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(&spec);

    if (type)
        type->tp_new = NULL; /* which a class of Python code inherits */
    return type;
}
