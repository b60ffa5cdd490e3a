/* SPDX-License-Identifier: MIT */
#include "pool.h"
#include "trampfd.h"

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
