/* SPDX-License-Identifier: GPL-2.0-only */
/* AArch64: names of registers, where capture.S keeps them, and what else differs in C. */
#ifndef CPU_H
#define CPU_H

#include <linux/trampfd.h>

#define CPU_PC TRAMPFD_ARM64_PC
#define CPU_CHAIN TRAMPFD_ARM64_X18

/* x0 to x30; bits: those that are not kept: what a slot changes, and the return address. */
enum { CAPTURED_SP = 31, CAPTURED_REGS = 32, CAPTURED_CHAIN = 18 };
#define CAPTURED_SCRATCH (1U << 16 | 1U << 30)

#define CPU_MMAP_FLAG 0

/* mov w0, 666; ret */
#define CODE_RETURNING_666 { 0x40, 0x53, 0x80, 0x52, 0xc0, 0x03, 0x5f, 0xd6 }

#define USER_PC(regs) ((regs).pc)
#define LEAVE_SYSCALL(regs) ((void)0)

#endif
