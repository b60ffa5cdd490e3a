/* SPDX-License-Identifier: MIT */
#include "trail.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

int tfd_trail_add(struct trampfd_trail *trail, const char *source, const char *call, int error)
{
    if (trail && trail->count < TRAMPFD_TRAIL_MAX)
        trail->attempts[trail->count++] =
            (struct trampfd_attempt){.source = source, .call = call, .error = error};
    return -error;
}

size_t trampfd_trail_format(const struct trampfd_trail *trail, char *buffer, size_t size)
{
    size_t length = 0;

    if (size)
        buffer[0] = '\0';
    for (unsigned i = 0; i < trail->count; i++) {
        const struct trampfd_attempt *attempt = &trail->attempts[i];
        size_t left = length < size ? size - length : 0;

        if (attempt->error)
            length += (size_t)snprintf(left ? buffer + length : NULL, left, "%s%s: %s: %s",
                                       length ? "; " : "", attempt->source, attempt->call,
                                       strerror(attempt->error));
    }
    return length;
}
