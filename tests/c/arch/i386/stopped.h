/* SPDX-License-Identifier: MIT */
/* i386: where a child is that ptrace(2) has stopped. */
#ifndef STOPPED_H
#define STOPPED_H

#include "check.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

static inline struct user_regs_struct registers_of(pid_t child)
{
    struct user_regs_struct registers;
    struct iovec place = {&registers, sizeof(registers)};

    CHECK(!ptrace(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &place), "%s", strerror(errno));
    return registers;
}

/* The address of its next instruction. */
static inline uintptr_t stopped_at(pid_t child)
{
    return (uintptr_t)registers_of(child).eip;
}

/* Where the function that it is about to enter returns to. */
static inline uintptr_t stopped_return(pid_t child)
{
    return (uintptr_t)ptrace(PTRACE_PEEKDATA, child, (void *)registers_of(child).esp, NULL);
}

#endif
