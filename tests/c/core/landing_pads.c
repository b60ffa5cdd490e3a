/* SPDX-License-Identifier: MIT */
/*
 * The slots of a block that was mapped at run time are guarded: calling one between its instructions
 * kills the process, although the address is executable.
 */
#include "check.h"

#ifdef __aarch64__

#include <signal.h>
#include <sys/auxv.h>
#include <sys/wait.h>

#ifndef HWCAP2_BTI
#define HWCAP2_BTI (1 << 17)
#endif

/* The signal that ends a child in which that address is called, or 0. */
static int signal_of_call(const char *address)
{
    pid_t child = fork();
    int status;

    CHECK(child >= 0, "%s", strerror(errno));
    if (child == 0) {
        ((adder *)(uintptr_t)address)(0);
        _exit(0);
    }
    CHECK(waitpid(child, &status, 0) == child, "%s", strerror(errno));
    return WIFSIGNALED(status) ? WTERMSIG(status) : 0;
}

int main(void)
{
    struct many many;
    const char *slot;

    if (!(getauxval(AT_HWCAP2) & HWCAP2_BTI))
        SKIP("this CPU has no landing pads");
    many = make_many(TRAMPFD_BLOCK_SLOTS + 1);
    slot = (const char *)many.code[TRAMPFD_BLOCK_SLOTS];
    CHECK(signal_of_call(slot) == 0, "a call of the slot");
    CHECK(signal_of_call(slot + 4) == SIGILL, "a call behind its landing pad");
    free_many(many);
    return 0;
}

#else

int main(void)
{
    SKIP("Linux enforces no landing pads in programs for this CPU");
}

#endif
