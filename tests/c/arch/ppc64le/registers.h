/* SPDX-License-Identifier: MIT */
/* POWER: what stopped.h asks of the registers of a process. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <asm/ptrace.h>
#include <sys/user.h>

#define REGISTERS struct pt_regs
#define NEXT_INSTRUCTION(registers) ((registers).nip)
#define RETURN_ADDRESS(child, registers) ((void)(child), (registers).link)

#endif
