/* SPDX-License-Identifier: MIT */
/* A port without the kernel's TRAMPFD_USER: its provider and its backend always fail. */
#include "base/trail.h"
#include "provider/provider.h"
#include "trampoline/backend.h"

#include <errno.h>

static int absent(void)
{
    return 0;
}

static int refuse(const char *name, struct trampfd_trail *trail)
{
    return tfd_trail_add(trail, name, "support for this CPU", ENOSYS);
}

static int map_user(struct tfd_block *block, struct trampfd_trail *trail)
{
    (void)block;
    return refuse(tfd_provider_trampfd_user.name, trail);
}

static void probe_user(struct trampfd_trail *trail)
{
    refuse(tfd_provider_trampfd_user.name, trail);
}

const struct tfd_provider tfd_provider_trampfd_user = {
    .name = "trampfd-user",
    .present = absent,
    .map = map_user,
    .probe = probe_user,
};

static int make(struct trampfd_trampoline *trampoline, const struct trampfd_allowed *allowed,
                struct trampfd_trail *trail)
{
    (void)trampoline;
    (void)allowed;
    return refuse(tfd_context_kernel.name, trail);
}

const struct tfd_context_backend tfd_context_kernel = {
    .name = "trampfd-user",
    .present = absent,
    .make = make,
};
