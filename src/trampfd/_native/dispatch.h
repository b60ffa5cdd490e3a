/* SPDX-License-Identifier: MIT */
/*
 * From a C call to Python: what every closure of the extension runs.  Each kind compiles
 * its own two dispatches from these, with its own call() inlined.
 *
 * The closure may lose its last reference during its own call, and its plan and signature
 * with it: a reference is held over the call, and what is used after it is taken before.
 */
#ifndef NATIVE_DISPATCH_H
#define NATIVE_DISPATCH_H

#include "attach.h"
#include "native.h"

#include <closure/plan.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/*
 * Attached: call with the `made` arguments there are, and store the result.  Fewer than the
 * signature has: the next one could not be made, and its exception is set.  No exception is
 * set afterwards.  `error` is the kind's own, passed through.
 */
typedef void call_function(Closure *self, void *result, PyObject **objects, Py_ssize_t made,
                           int *error);

/*
 * A Python function itself keeps to what PyObject_Vectorcall() checks afterwards: that there
 * is either a result or an exception.
 */
ALWAYS_INLINE PyObject *dispatch_call(PyObject *callable, PyObject **objects, Py_ssize_t count)
{
    size_t flags = (size_t)count | PY_VECTORCALL_ARGUMENTS_OFFSET;

    if (__builtin_expect(PyFunction_Check(callable), 1))
        return ((PyFunctionObject *)callable)->vectorcall(callable, objects, flags, NULL);
    return PyObject_Vectorcall(callable, objects, flags, NULL);
}

/*
 * Attach, make the arguments, call, detach.  Argument i is at frame + plan->offsets[i], or,
 * without a plan, at arguments[i].  Returns 0, with nothing done, when the interpreter does
 * not run.
 */
ALWAYS_INLINE int dispatch(Closure *self, void *result, const struct tfd_plan *plan, char *frame,
                           void **arguments, call_function *call, int *error)
{
    const Signature *signature = self->signature;
    const struct parameter *parameter = signature->arguments;
    Py_ssize_t count = signature->count;
    PyObject *objects[count + 1]; /* the first word is for the callee's use */
    enum attachment attachment = attach();
    Py_ssize_t made;

    if (attachment == NOT_RUNNING)
        return 0;
    Py_INCREF(self);
    for (made = 0; made < count; made++, parameter++) {
        void *data = plan ? tfd_plan_argument(plan, frame, (unsigned)made) : arguments[made];

        objects[made + 1] = parameter->load(parameter, data);
        if (__builtin_expect(!objects[made + 1], 0))
            break;
    }
    call(self, result, objects + 1, made, error);
    while (made > 0)
        Py_DECREF(objects[made--]);
    Py_DECREF(self);
    detach(attachment);
    return 1;
}

/* Where the result of a call goes. */
ALWAYS_INLINE void *dispatch_result(const struct tfd_plan *plan, char *frame)
{
    return plan->result == TFD_RESULT_MEMORY ? *(void **)frame : frame + plan->result_offset;
}

ALWAYS_INLINE struct tfd_words dispatch_words(enum tfd_result kind, void *result, char *frame)
{
    if (kind == TFD_RESULT_32)
        return (struct tfd_words){*(uint32_t *)result, 0};
    if (kind == TFD_RESULT_MEMORY)
        return (struct tfd_words){(uintptr_t)result, 0};
    return tfd_plan_words(kind, frame);
}

#endif
