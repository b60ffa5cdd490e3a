/* SPDX-License-Identifier: MIT */
/*
 * What calls of closures of subinterpreters read before they are attached to one, and after its
 * end.  A target is the user data of the closure, with the lowest bit set to tell it from the
 * Closure that is the user data in the main interpreter.
 *
 * A call may read a target that is being released.  So its memory is only ever used for targets,
 * and whoever has waited looks at the record again.
 */
#ifndef NATIVE_TARGET_H
#define NATIVE_TARGET_H

#include "owner.h"

struct target {
    _Atomic(struct interpreter *) interpreter;
    _Atomic(Closure *) closure; /* NULL once it was dropped at the end of the interpreter */
    char *name;                 /* of the callable */
    void *error;                /* the error value; NULL: zeros */
    size_t size;                /* bytes of a result; 0 for none */
    struct target *next;        /* of the unused ones; the library's lock */
};

static inline int target_is(const void *user_data)
{
    return (uintptr_t)user_data & 1;
}

static inline struct target *target_of(const void *user_data)
{
    return (struct target *)((uintptr_t)user_data - 1);
}

static inline void *target_user_data(const struct target *target)
{
    return (void *)((uintptr_t)target + 1);
}

/* NULL if there is no memory. */
struct target *target_new(Closure *closure);
void target_release(struct target *target);

/* Return the error value of a call that cannot be run, and say so the first time.  Not attached. */
COLD void target_refuse(const struct target *target, void *result, const char *why);

#endif
