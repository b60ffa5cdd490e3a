/* SPDX-License-Identifier: MIT */
/* x86-64: where a child is that ptrace(2) has stopped. */
#ifndef STOPPED_H
#define STOPPED_H

#include "check.h"

#include <sys/ptrace.h>
#include <sys/user.h>

static inline struct user_regs_struct registers_of(pid_t child)
{
    struct user_regs_struct registers;

    CHECK(!ptrace(PTRACE_GETREGS, child, NULL, &registers), "%s", strerror(errno));
    return registers;
}

/* The address of its next instruction. */
static inline uintptr_t stopped_at(pid_t child)
{
    return registers_of(child).rip;
}

/* Where the function that it is about to enter returns to. */
static inline uintptr_t stopped_return(pid_t child)
{
    return (uintptr_t)ptrace(PTRACE_PEEKDATA, child, (void *)registers_of(child).rsp, NULL);
}

#endif
