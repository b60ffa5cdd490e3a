/* SPDX-License-Identifier: MIT */
/*
 * A call attaches the thread, makes the arguments, lets the kind call and store the result,
 * and detaches.  errno is taken first and set last: attaching and Python change it.
 *
 * The closure may lose its last reference during its own call, and its plan and signature
 * with it: a reference is held over the call, and what is used after it is taken before.
 */
#include "dispatch.h"

#include "attach.h"

#include <errno.h>

/*
 * Argument i is at frame + plan->offsets[i], or, without a plan, at arguments[i]; which of
 * the two is known when this is compiled into its callers.
 */
static inline __attribute__((always_inline)) void
serve(Closure *self, void *result, const struct tfd_plan *plan, char *frame, void **arguments)
{
    const struct parameter *parameters = self->signature->arguments;
    Py_ssize_t count = self->signature->count;
    PyObject *objects[count + 1]; /* the first word is for the callee's use */
    Py_ssize_t made;
    struct attachment attachment;
    int error = errno;

    if (!attach(&attachment)) {
        self->signature->kind->refuse(self, result);
        return;
    }
    Py_INCREF(self);
    for (made = 0; made < count; made++) {
        void *data = plan ? tfd_plan_argument(plan, frame, (unsigned)made) : arguments[made];

        objects[made + 1] = parameters[made].load(&parameters[made], data);
        if (!objects[made + 1])
            break;
    }
    self->signature->kind->call(self, result, objects + 1, made, &error);
    while (made > 0)
        Py_DECREF(objects[made--]);
    Py_DECREF(self);
    detach(&attachment);
    errno = error;
}

struct tfd_words dispatch_frame(char *frame, const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    enum tfd_result kind = plan->result;
    void *result = kind == TFD_RESULT_MEMORY ? *(void **)frame : frame + plan->result_offset;

    if (plan->gather_count)
        return tfd_plan_call(frame, record); /* which calls dispatch_libffi */
    serve(record->closure.user_data, result, plan, frame, NULL);
    return kind == TFD_RESULT_MEMORY ? (struct tfd_words){(uintptr_t)result, 0}
                                     : tfd_plan_words(kind, frame);
}

void dispatch_libffi(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    serve(user_data, result, NULL, NULL, arguments);
}
