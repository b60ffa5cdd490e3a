/* SPDX-License-Identifier: MIT */
/*
 * From a C call to Python: the code that every closure of the extension runs.  Each frontend
 * compiles its own two dispatches from these functions, with its own call() inlined.
 *
 * The closure may lose its last reference during its own call, and with it its plan and signature:
 * a reference is held during the call, and values that are needed afterwards are read before.  A
 * closure that the interpreter drops at its end is kept with a callable of NULL.
 */
#ifndef NATIVE_DISPATCH_H
#define NATIVE_DISPATCH_H

#include "attach.h"
#include "callee.h"
#include "frontend.h"
#include "visit.h"

#include <closure/plan.h>

#define ALWAYS_INLINE static inline __attribute__((always_inline))

/* The errno to restore, for a callback that asks for that. */
struct saved_errno {
    int is_set, value;
};

/*
 * Attached: call with the `made` arguments there are, and store the result.  Fewer than the
 * signature has: the next one could not be made, and its exception is set.  No exception is
 * set afterwards.
 */
typedef void call_function(const struct callee *callee, void *result, PyObject **objects,
                           Py_ssize_t made, struct saved_errno *saved);

/* Of the frontend: a new reference to the C value of an argument, or NULL with an exception. */
ALWAYS_INLINE PyObject *load_argument(const struct parameter *parameter, void *data);

/* Releases the object of an argument after the call. */
typedef void release_function(const struct parameter *parameter, PyObject *object);

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

/* Attached: make the arguments and call; there is space for their objects, and one word more. */
ALWAYS_INLINE void dispatch_objects(const struct callee *callee, const Signature *signature,
                                    void *result, const struct tfd_plan *plan, char *frame,
                                    void **arguments, PyObject **objects, call_function *call,
                                    release_function *release, struct saved_errno *saved)
{
    const struct parameter *parameter = signature->arguments;
    Py_ssize_t count = signature->count;
    Py_ssize_t made;

    for (made = 0; made < count; made++, parameter++) {
        void *data = plan ? tfd_plan_argument(plan, frame, (unsigned)made) : arguments[made];

        objects[made + 1] = load_argument(parameter, data);
        if (__builtin_expect(!objects[made + 1], 0))
            break;
    }
    call(callee, result, objects + 1, made, saved);
    for (; made > 0; made--)
        release(--parameter, objects[made]);
}

/*
 * The same.  Argument i is at frame + plan->offsets[i], for at most DISPATCH_FEW arguments, or,
 * without a plan, at arguments[i].  The first of the words is for the callee's use.
 */
ALWAYS_INLINE void dispatch_attached(const struct callee *callee, const Signature *signature,
                                     void *result, const struct tfd_plan *plan, char *frame,
                                     void **arguments, call_function *call,
                                     release_function *release, struct saved_errno *saved)
{
    if (plan) {
        PyObject *objects[DISPATCH_FEW + 1];

        dispatch_objects(callee, signature, result, plan, frame, NULL, objects, call, release,
                         saved);
    } else {
        PyObject *objects[signature->count + 1];

        dispatch_objects(callee, signature, result, NULL, NULL, arguments, objects, call, release,
                         saved);
    }
}

/*
 * Attach, and hold the callee, for dispatch_leave() later.  If the callback cannot be run, returns 0
 * without attaching, with the error value stored, or for *attachment ELSEWHERE nothing done.
 *
 * Before this thread is attached another one may free the closure: only the record is read, and it
 * is checked again if attaching had to wait.
 */
ALWAYS_INLINE int dispatch_enter(struct callee *callee, const union tfd_record *record,
                                 void *result, enum leftovers leftovers,
                                 enum attachment *attachment)
{
    uintptr_t second = record->words[1];
    Closure *self = record->closure.user_data;

    *attachment = target_is(self) ? ELSEWHERE : attach(leftovers);
    if (__builtin_expect(*attachment == ELSEWHERE, 0))
        return 0;
    if (*attachment != WAS_ATTACHED
        && __builtin_expect(!tfd_closure_is_live(record, second, self), 0))
        tfd_closure_died(record);
    if (__builtin_expect(*attachment == REFUSED, 0)) {
        closure_refuse(self, result, "while the Python interpreter was not running");
        return 0;
    }
    if (__builtin_expect(callee_hold(callee, record, second, self), 1))
        return 1;
    closure_refuse(self, result, "after Python had dropped it at the end of the program");
    detach(*attachment);
    return 0;
}

ALWAYS_INLINE void dispatch_leave(struct callee *callee, enum attachment attachment)
{
    callee_release(callee);
    detach(attachment);
}

/* For calls with another interpreter than the main one: what each frontend makes of the next one. */
typedef void elsewhere_function(const union tfd_record *record, void *result,
                                const struct tfd_plan *plan, char *frame, void **arguments,
                                struct saved_errno *saved);

ALWAYS_INLINE void dispatch_elsewhere(const union tfd_record *record, void *result,
                                      const struct tfd_plan *plan, char *frame, void **arguments,
                                      call_function *call, release_function *release,
                                      enum leftovers leftovers, struct saved_errno *saved)
{
    struct callee callee;
    struct visit visit;

    if (!visit_begin(&visit, &callee, record, result, leftovers))
        return;
    dispatch_attached(&callee, callee.closure->owner.signature, result, plan, frame, arguments,
                      call, release, saved);
    visit_end(&visit, &callee);
}

/* Attach, make the arguments, call, detach; see dispatch_attached(). */
ALWAYS_INLINE void dispatch(const union tfd_record *record, void *result,
                            const struct tfd_plan *plan, char *frame, void **arguments,
                            call_function *call, release_function *release,
                            enum leftovers leftovers, elsewhere_function *elsewhere,
                            struct saved_errno *saved)
{
    enum attachment attachment;
    struct callee callee;

    if (__builtin_expect(!dispatch_enter(&callee, record, result, leftovers, &attachment), 0)) {
        if (attachment == ELSEWHERE)
            elsewhere(record, result, plan, frame, arguments, saved);
        return;
    }
    dispatch_attached(&callee, callee.closure->owner.signature, result, plan, frame, arguments,
                      call, release, saved);
    dispatch_leave(&callee, attachment);
}

#endif
