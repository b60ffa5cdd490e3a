/* SPDX-License-Identifier: MIT */
/* Where a child is that ptrace(2) has stopped; registers.h is of the CPU. */
#ifndef STOPPED_H
#define STOPPED_H

#include "check.h"
#include "registers.h"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/uio.h>

static inline REGISTERS registers_of(pid_t child)
{
    REGISTERS registers;
    struct iovec place = {&registers, sizeof(registers)};

    CHECK(!ptrace(PTRACE_GETREGSET, child, (void *)NT_PRSTATUS, &place), "%s", strerror(errno));
    return registers;
}

/* The address of its next instruction. */
static inline uintptr_t stopped_at(pid_t child)
{
    REGISTERS registers = registers_of(child);

    return (uintptr_t)NEXT_INSTRUCTION(registers);
}

/* Where the function that it is about to enter returns to. */
static inline uintptr_t stopped_return(pid_t child)
{
    REGISTERS registers = registers_of(child);

    return (uintptr_t)RETURN_ADDRESS(child, registers);
}

#endif
