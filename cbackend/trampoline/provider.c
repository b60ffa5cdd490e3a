/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "provider.h"
#include "trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

const struct tfd_provider *tfd_provider_choose(struct trampfd_trail *trail)
{
    /* Not taken from the environment of a set-user-ID program. */
    const char *name = secure_getenv("TRAMPFD_BACKEND");

    if (!name || !*name || !strcmp(name, "auto") || !strcmp(name, tfd_provider_table.name))
        return &tfd_provider_table;
    tfd_trail_add(trail, "TRAMPFD_BACKEND", "name of a provider (auto, table)", EINVAL);
    return NULL;
}
