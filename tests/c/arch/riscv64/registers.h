/* SPDX-License-Identifier: MIT */
/* RISC-V: what stopped.h asks of the registers of a process. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <asm/ptrace.h>
#include <sys/user.h>

#define REGISTERS struct user_regs_struct
#define NEXT_INSTRUCTION(registers) ((registers).pc)
#define RETURN_ADDRESS(child, registers) ((void)(child), (registers).ra)

#endif
