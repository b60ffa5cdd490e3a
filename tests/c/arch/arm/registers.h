/* SPDX-License-Identifier: MIT */
/* 32-bit Arm: what stopped.h asks of the registers of a process. */
#ifndef REGISTERS_H
#define REGISTERS_H

#include <sys/user.h>

#define REGISTERS struct user_regs
#define NEXT_INSTRUCTION(registers) ((registers).uregs[15])
#define RETURN_ADDRESS(child, registers) ((void)(child), (registers).uregs[14])

#endif
