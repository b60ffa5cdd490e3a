/* SPDX-License-Identifier: GPL-2.0-only */
/* x86-64: names of registers, where capture.S keeps them, and what else differs in C. */
#ifndef CPU_H
#define CPU_H

#include <linux/trampfd.h>
#include <sys/mman.h>

#define CPU_PC TRAMPFD_X86_RIP
#define CPU_CHAIN TRAMPFD_X86_R10

/* Registers in the order of their names from TRAMPFD_X86_RAX on; bits: those that are not kept. */
enum { CAPTURED_SP = 15, CAPTURED_REGS = 16, CAPTURED_CHAIN = CPU_CHAIN - TRAMPFD_X86_RAX };
#define CAPTURED_SCRATCH 0U

#define CPU_MMAP_FLAG MAP_32BIT /* that other CPUs have not */

/* mov $666, %eax; ret */
#define CODE_RETURNING_666 { 0xb8, 0x9a, 0x02, 0x00, 0x00, 0xc3 }

#define USER_PC(regs) ((regs).rip)
/* The process is stopped in a system call, which is not to be done again. */
#define LEAVE_SYSCALL(regs) ((regs).orig_rax = -1)

#endif
