/* SPDX-License-Identifier: MIT */
/*
 * Run a function at each instruction of a thread: SIGTRAP comes after each one while the trap flag
 * is set, and not inside its own handler.
 */
#ifndef CORE_STEP_H
#define CORE_STEP_H

#include "check.h"

#include <signal.h>
#include <ucontext.h>

#if defined(__x86_64__)
#define TRAP_FLAG 0x100ul

static inline void set_steps(int on)
{
    unsigned long flags = __builtin_ia32_readeflags_u64();

    __builtin_ia32_writeeflags_u64(on ? flags | TRAP_FLAG : flags & ~TRAP_FLAG);
}

/* The instruction that comes next. */
static inline uintptr_t address_of_step(const void *context)
{
    return (uintptr_t)((const ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];
}
#else
static inline void set_steps(int on)
{
    (void)on;
    SKIP("no single steps on this CPU");
}

static inline uintptr_t address_of_step(const void *context)
{
    (void)context;
    return 0;
}
#endif

static inline void at_each_step(void (*function)(int, siginfo_t *, void *))
{
    struct sigaction action = {.sa_sigaction = function, .sa_flags = SA_SIGINFO};

    CHECK(!sigaction(SIGTRAP, &action, NULL), "%s", strerror(errno));
}

#endif
