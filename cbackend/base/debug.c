/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "debug.h"

#include <stdlib.h>
#include <string.h>

enum { UNKNOWN, NO, YES };

/* Whoever asks first finds what everybody else would find. */
int tfd_debug(void)
{
    static int kept;
    int answer = __atomic_load_n(&kept, __ATOMIC_RELAXED);

    if (answer == UNKNOWN) {
        const char *value = secure_getenv("TRAMPFD_DEBUG");

        answer = value && *value && strcmp(value, "0") ? YES : NO;
        __atomic_store_n(&kept, answer, __ATOMIC_RELAXED);
    }
    return answer == YES;
}
