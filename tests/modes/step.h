/* SPDX-License-Identifier: MIT */
/* A call of a closure, stopped after each of its instructions. */
#ifndef STEP_H
#define STEP_H

#include "mode.h"

#include <signal.h>
#include <ucontext.h>

#ifndef __x86_64__
#error "the flag for single steps is that of x86-64"
#endif

/* Around a call; `function` is run at each instruction in between, and a few of these. */
SHARED void step_with(void (*function)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO};

    sigaction(SIGTRAP, &action, NULL);
}

/* What the compiler keeps below the stack pointer is left alone. */
#define SET_FLAGS(change)                                                                          \
    __asm__ volatile("subq $128, %%rsp; pushfq; " change                                           \
                     ", (%%rsp); popfq; leaq 128(%%rsp), %%rsp" ::                                 \
                         : "cc", "memory")
#define STEPS_BEGIN SET_FLAGS("orq $0x100")
#define STEPS_END SET_FLAGS("andq $~0x100")

#endif
