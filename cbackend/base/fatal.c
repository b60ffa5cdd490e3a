/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "fatal.h"

#include "slot/pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * snprintf(3) with nothing but %s, %u and %p is async-signal-safe in glibc and musl
 * in practice.
 */
static void say(const char *message)
{
    size_t left = strlen(message);

    while (left) {
        ssize_t put = write(STDERR_FILENO, message, left);

        if (put <= 0)
            break;
        message += put;
        left -= (size_t)put;
    }
}

static _Noreturn void end(const char *message)
{
    say(message);
    abort();
}

_Noreturn void tfd_fatal(const char *what, const void *code)
{
    char message[160];

    if (code)
        snprintf(message, sizeof(message), "trampfd: %s (closure %p)\n", what, code);
    else
        snprintf(message, sizeof(message), "trampfd: %s\n", what);
    end(message);
}

_Noreturn void tfd_fatal_trail(const char *what, const struct trampfd_trail *trail)
{
    char ways[2000], message[2100];

    trampfd_trail_format(trail, ways, sizeof(ways));
    snprintf(message, sizeof(message), "trampfd: %s: %s\n", what, ways);
    end(message);
}

void tfd_warn(const char *what, const void *code, int error)
{
    char message[160];

    snprintf(message, sizeof(message), "trampfd: %s (closure %p): error %u\n", what, code,
             (unsigned)error);
    say(message);
}

_Noreturn void tfd_dead_report(const union tfd_record *record)
{
    char message[320];
    struct tfd_slot slot;
    const char *name;
    int freed;

    if (tfd_pool_find_record(record, &slot)) {
        snprintf(message, sizeof(message), "trampfd: call of a dead closure, record %p\n",
                 (const void *)record);
        end(message);
    }
    freed = tfd_state_is_free(
        __atomic_load_n(&tfd_slot_shadow(slot)->owner.state, __ATOMIC_RELAXED));
    name = freed && slot.block->names ? slot.block->names[slot.index] : "";
    snprintf(message, sizeof(message),
             "trampfd: call of a closure that was %s: %p%s%.*s%s (slot %zu of the block at %p)\n",
             freed ? "freed" : "allocated but not prepared", tfd_block_slot(slot.block, slot.index),
             *name ? " (" : "", TFD_NAME_SIZE - 1, name, *name ? ")" : "", slot.index,
             (const void *)slot.block->code);
    end(message);
}
