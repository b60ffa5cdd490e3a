/* SPDX-License-Identifier: MIT */
/* TRAMPFD_RESERVE: the program cannot call trampfd_reserve(), so it is done at its start. */
#include "slot/reserve.h"

#include "settings.h"

#include <stdio.h>
#include <unistd.h>

void tfd_reserve_at_start(void)
{
    struct trampfd_trail trail;
    char reasons[1024];

    if (tfd_settings()->disabled || !tfd_reserve_asked_for(&trail))
        return;
    trampfd_trail_format(&trail, reasons, sizeof(reasons));
    dprintf(STDERR_FILENO, "trampfd: cannot reserve closures: %s\n", reasons);
}
