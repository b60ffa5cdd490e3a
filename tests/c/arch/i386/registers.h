/* SPDX-License-Identifier: MIT */
/* i386: what stopped.h asks of the registers of a process. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <sys/ptrace.h>
#include <sys/user.h>

#define REGISTERS struct user_regs_struct
#define NEXT_INSTRUCTION(registers) ((registers).eip)
#define RETURN_ADDRESS(child, registers)                                                           \
    ptrace(PTRACE_PEEKDATA, child, (void *)(registers).esp, NULL)

#endif
