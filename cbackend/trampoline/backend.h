/* SPDX-License-Identifier: MIT */
/* Backends, which keep and apply the context of a trampoline: the kernel, or an entry of ours. */
#ifndef TFD_CONTEXT_BACKEND_H
#define TFD_CONTEXT_BACKEND_H

#include <sys/types.h>

#include "provider/device.h"
#include "slot/pool.h"
#include "steps.h"

struct trampfd_trampoline {
    const struct tfd_context_backend *backend;
    void *address;
    struct trampfd_context wanted; /* as tfd_context_copy() makes it; never changes */
    union {
        struct {
            struct tfd_descriptor descriptor;
            pid_t owner; /* the process that has the mapping */
            void *start; /* of the mapping */
            size_t size;
        } kernel;
        struct {
            struct tfd_slot slot;
            const struct tfd_steps *steps;
        } emulation;
    };
};

struct tfd_context_backend {
    const char *name;

    /* Is this backend worth trying on this machine?  Makes no system call. */
    int (*present)(void);

    /*
     * Make the trampoline of `wanted` and set its address.  `allowed` is NULL if any PC is allowed;
     * `wanted` is known to be in it.  Returns 0, or a negative errno with an attempt on the trail.
     */
    int (*make)(struct trampfd_trampoline *trampoline, const struct trampfd_allowed *allowed,
                struct trampfd_trail *trail);

    /* Undo make(). */
    void (*unmake)(struct trampfd_trampoline *trampoline);

    /*
     * Read what calls take, and set the provider and the record of the report (which is zeroed).
     * Where that is not even a context, the differences are put on the report and the fields that
     * they hide are left as wanted.  Returns 0 or a negative errno.
     */
    int (*read)(const struct trampfd_trampoline *trampoline, struct trampfd_context *found,
                struct trampfd_report *report);
};

extern const struct tfd_context_backend tfd_context_kernel, tfd_context_emulation;

#endif
