/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "reserve.h"

#include "base/trail.h"
#include "pool.h"

#include <stdlib.h>

int trampfd_reserve(size_t count, struct trampfd_trail *trail)
{
    struct trampfd_trail own;
    int error;

    if (!trail)
        trail = &own;
    trail->count = 0;
    error = tfd_pool_enter(trail);
    if (error)
        return error;
    tfd_lock_inside();
    error = tfd_pool_reserve_locked(count, trail);
    tfd_unlock();
    return error;
}

/* A number that is too large for its type is too large for the memory, too. */
int tfd_reserve_asked_for(struct trampfd_trail *trail)
{
    const char *value = secure_getenv("TRAMPFD_RESERVE");
    size_t count;
    char *end;

    trail->count = 0;
    if (!value || !*value)
        return 0;
    count = strtoul(value, &end, 10);
    if (*value < '0' || *value > '9' || *end)
        return tfd_trail_add(trail, "TRAMPFD_RESERVE", "number of closures", EINVAL);
    return count ? trampfd_reserve(count, trail) : 0;
}
