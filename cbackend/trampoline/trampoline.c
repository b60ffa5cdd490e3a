/* SPDX-License-Identifier: MIT */
/* Creating, reading and destroying trampolines, with the first backend that works. */
#include "backend.h"
#include "context.h"

#include "base/trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* In the order of preference. */
static const struct tfd_context_backend *const backends[] = {
    &tfd_context_kernel,
    &tfd_context_emulation,
};

#define BACKENDS (sizeof(backends) / sizeof(backends[0]))

static int is_wanted(const struct tfd_context_backend *backend, const char *name)
{
    return !name || !strcmp(name, "auto") ? backend->present() : !strcmp(name, backend->name);
}

/* If a backend finds the context invalid, the next one is not tried. */
static int make(struct trampfd_trampoline *trampoline, const struct trampfd_allowed *allowed,
                const char *name, struct trampfd_trail *trail)
{
    int error = 0;

    for (size_t i = 0; i < BACKENDS; i++) {
        if (!is_wanted(backends[i], name))
            continue;
        error = backends[i]->make(trampoline, allowed, trail);
        if (!error)
            trampoline->backend = backends[i];
        if (!error || error == -EINVAL)
            return error;
    }
    return error ? error
                 : tfd_trail_add(trail, "backend", "name (auto, trampfd-user, context)", EINVAL);
}

struct trampfd_trampoline *trampfd_trampoline_create(const struct trampfd_context *context,
                                                     const struct trampfd_allowed *allowed,
                                                     const char *backend,
                                                     struct trampfd_trail *trail)
{
    struct trampfd_trampoline *trampoline = calloc(1, sizeof(*trampoline));
    struct trampfd_trail own_trail;
    int error;

    if (!trail)
        trail = &own_trail;
    trail->count = 0;
    if (!trampoline) {
        tfd_trail_add(trail, "trampoline", "calloc", ENOMEM);
        return NULL;
    }
    error = tfd_context_copy(&trampoline->wanted, context, allowed, trail);
    if (!error)
        error = make(trampoline, allowed && allowed->npcs ? allowed : NULL, backend, trail);
    if (error) {
        free(trampoline);
        errno = -error;
        return NULL;
    }
    return trampoline;
}

void trampfd_trampoline_destroy(struct trampfd_trampoline *trampoline)
{
    if (!trampoline)
        return;
    trampoline->backend->unmake(trampoline);
    free(trampoline);
}

void *trampfd_trampoline_address(const struct trampfd_trampoline *trampoline)
{
    return trampoline->address;
}

const char *trampfd_trampoline_backend(const struct trampfd_trampoline *trampoline)
{
    return trampoline->backend->name;
}

int trampfd_trampoline_descriptor(const struct trampfd_trampoline *trampoline)
{
    return trampoline->backend == &tfd_context_kernel ? trampoline->kernel.descriptor.fd : -1;
}

/* Sets only the fields that are used without differences: the array is large. */
static void clear(struct trampfd_report *report)
{
    report->provider = NULL;
    report->record = NULL;
    report->count = 0;
}

int trampfd_trampoline_read(const struct trampfd_trampoline *trampoline,
                            struct trampfd_context *context)
{
    struct trampfd_context found;
    struct trampfd_report report;
    int error;

    clear(&report);
    error = trampoline->backend->read(trampoline, &found, &report);
    if (!error && report.count)
        error = -EBADMSG;
    if (!error)
        *context = found;
    return error;
}

int trampfd_trampoline_verify(const struct trampfd_trampoline *trampoline,
                              struct trampfd_report *report)
{
    struct trampfd_report made;
    struct trampfd_context found;
    int error;

    clear(&made);
    error = trampoline->backend->read(trampoline, &found, &made);
    if (error)
        return error;
    tfd_context_compare(&trampoline->wanted, &found, &made);
    *report = made;
    return 0;
}
