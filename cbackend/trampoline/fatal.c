/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "fatal.h"

#include "pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * snprintf(3) with nothing but %s, %u and %p is async-signal-safe in glibc and musl
 * in practice, and the process is about to end in any case.
 */
static _Noreturn void end(const char *message)
{
    size_t left = strlen(message);

    while (left) {
        ssize_t put = write(STDERR_FILENO, message, left);

        if (put <= 0)
            break;
        message += put;
        left -= (size_t)put;
    }
    abort();
}

_Noreturn void tfd_fatal(const char *what, const void *code)
{
    char message[160];

    snprintf(message, sizeof(message), "trampfd: %s (closure %p)\n", what, code);
    end(message);
}

_Noreturn void tfd_dead_report(const union tfd_record *record)
{
    char message[320];
    struct tfd_slot slot;
    int freed = record->owner.state == TFD_STATE_FREE;
    const char *name = freed ? record->dead.name : "";

    /* The record that the slot reads is where programs write it, unless the provider
       keeps it from them; then its block cannot be found by this address. */
    if (tfd_pool_find_closure(record, &slot))
        snprintf(message, sizeof(message), "trampfd: call of a dead closure, record %p\n",
                 (const void *)record);
    else
        snprintf(message, sizeof(message),
                 "trampfd: call of a closure that was %s: %p%s%.*s%s (slot %u of the block at %p)\n",
                 freed ? "freed" : "allocated but not prepared",
                 tfd_block_slot(slot.block, slot.index), *name ? " (" : "", TFD_NAME_SIZE - 1, name,
                 *name ? ")" : "", slot.index, (const void *)slot.block->code);
    end(message);
}
