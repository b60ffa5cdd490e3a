/* SPDX-License-Identifier: MIT */
/* A port without the kernel's trampolines: no device, and a provider of tables that always fails. */
#include "base/trail.h"
#include "provider/device.h"
#include "provider/provider.h"

#include <errno.h>

void tfd_device_init(void)
{
}

static int absent(void)
{
    return 0;
}

static int refuse(const char *name, struct trampfd_trail *trail)
{
    return tfd_trail_add(trail, name, "support for this CPU", ENOSYS);
}

static int map_table(struct tfd_block *block, struct trampfd_trail *trail)
{
    (void)block;
    return refuse(tfd_provider_trampfd.name, trail);
}

static void probe_table(struct trampfd_trail *trail)
{
    refuse(tfd_provider_trampfd.name, trail);
}

/* A provider that makes no block has no other functions. */
const struct tfd_provider tfd_provider_trampfd = {
    .name = "trampfd",
    .present = absent,
    .map = map_table,
    .probe = probe_table,
};
