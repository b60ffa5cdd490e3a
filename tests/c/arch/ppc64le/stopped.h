/* SPDX-License-Identifier: MIT */
/* POWER: where a child is that ptrace(2) has stopped. */
#ifndef STOPPED_H
#define STOPPED_H

#include "check.h"

#include <asm/ptrace.h>
#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>

static inline struct pt_regs registers_of(pid_t child)
{
    struct pt_regs registers;
    struct iovec place = {&registers, sizeof(registers)};

    CHECK(!ptrace(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &place), "%s", strerror(errno));
    return registers;
}

/* The address of its next instruction. */
static inline uintptr_t stopped_at(pid_t child)
{
    return registers_of(child).nip;
}

/* Where the function that it is about to enter returns to. */
static inline uintptr_t stopped_return(pid_t child)
{
    return registers_of(child).link;
}

#endif
