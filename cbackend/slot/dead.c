/* SPDX-License-Identifier: MIT */
#include "dead.h"

#include "base/fatal.h"
#include "names.h"
#include "pool.h"

#include <stdio.h>

_Noreturn void tfd_dead_report(const union tfd_record *record)
{
    char message[600];
    struct tfd_slot slot = tfd_pool_find_record(record);
    const char *name;
    int freed;

    if (!slot.block) {
        snprintf(message, sizeof(message),
                 "trampfd: call of a closure that was freed, as all of its block: record %p\n",
                 (const void *)record);
        tfd_die(message);
    }
    freed = tfd_state_is_free(tfd_slot_state(slot));
    name = freed ? tfd_name_read(slot) : "";
    snprintf(message, sizeof(message), "%s: %p%s%s%s (slot %zu of the block at %p)\n",
             freed ? "trampfd: call of a closure that was freed"
                   : "trampfd: call of a closure that was allocated but not prepared",
             tfd_slot_code(slot), *name ? " (" : "", name, *name ? ")" : "", slot.index,
             (const void *)slot.block->code);
    tfd_die(message);
}
