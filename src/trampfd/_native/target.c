/* SPDX-License-Identifier: MIT */
#include "target.h"

#include "convert.h"

#include <base/lock.h>

#include <stdlib.h>
#include <string.h>

static struct target *unused; /* the library's lock */

static struct target *take_unused(void)
{
    struct target *target;

    tfd_lock();
    target = unused;
    if (target)
        unused = target->next;
    tfd_unlock();
    return target;
}

struct target *target_new(Closure *closure)
{
    const Signature *signature = closure->owner.signature;
    PyObject *value = closure_error_value(closure);
    struct target *target = take_unused();

    if (!target)
        target = calloc(1, sizeof(*target));
    if (!target)
        return NULL;
    atomic_store(&target->interpreter, signature->result.interpreter);
    atomic_store(&target->closure, closure);
    target->size = value ? (size_t)PyBytes_GET_SIZE(value) : convert_result_size(signature->cif);
    target->name = strdup(owner_name(&closure->owner));
    target->error = value ? malloc(target->size) : NULL;
    if (!target->name || (value && !target->error)) {
        target_release(target);
        return NULL;
    }
    if (value)
        memcpy(target->error, PyBytes_AS_STRING(value), target->size);
    return target;
}

void target_release(struct target *target)
{
    free(target->name);
    free(target->error);
    tfd_lock();
    target->next = unused;
    unused = target;
    tfd_unlock();
}

void target_refuse(const struct target *target, void *result, const char *why)
{
    if (target->error)
        memcpy(result, target->error, target->size);
    else
        memset(result, 0, target->size);
    closure_say_refused(target->name, why);
}
