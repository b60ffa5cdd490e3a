/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "fatal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/*
 * snprintf(3) with nothing but %s, %u and %p is async-signal-safe in glibc and musl
 * in practice.
 */
static void write_stderr(const char *message)
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

_Noreturn void tfd_die(const char *message)
{
    write_stderr(message);
    abort();
}

_Noreturn void tfd_fatal(const char *what, const void *code)
{
    char message[160];

    if (code)
        snprintf(message, sizeof(message), "trampfd: %s (closure %p)\n", what, code);
    else
        snprintf(message, sizeof(message), "trampfd: %s\n", what);
    tfd_die(message);
}

_Noreturn void tfd_fatal_trail(const char *what, const struct trampfd_trail *trail)
{
    char attempts[2000], message[2100];

    trampfd_trail_format(trail, attempts, sizeof(attempts));
    snprintf(message, sizeof(message), "trampfd: %s: %s\n", what, attempts);
    tfd_die(message);
}

void tfd_warn(const char *what, const void *code, int error)
{
    char message[160];

    snprintf(message, sizeof(message), "trampfd: %s (closure %p): error %u\n", what, code,
             (unsigned)error);
    write_stderr(message);
}
