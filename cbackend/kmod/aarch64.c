// SPDX-License-Identifier: GPL-2.0-only
/* AArch64: register names, the fault frame, the stack push, and the code of a slot. */
#include <linux/bits.h>
#include <linux/minmax.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>

#include "trampfd.h"

#define BITS(value, high, low) (((value) >> (low)) & GENMASK((high) - (low), 0))

/* An instruction fetch is told from reading on every processor. */
const struct trampfd_type *trampfd_arch_user_type(void)
{
	return &trampfd_user_type;
}

bool trampfd_arch_reg_known(u32 name)
{
	return name >= TRAMPFD_ARM64_X0 && name < TRAMPFD_ARM64_MAX;
}

bool trampfd_arch_reg_is_pc(u32 name)
{
	return name == TRAMPFD_ARM64_PC;
}

/*
 * The branch type stays that of the call: with BTI, the target must be one that may be called. So
 * does the bit that a debugger steps by.
 */
void trampfd_arch_set_reg(struct pt_regs *regs, u32 name, u64 value)
{
	if (name == TRAMPFD_ARM64_PC)
		regs->pc = value;
	else
		regs->regs[name - TRAMPFD_ARM64_X0] = value;
}

/*
 * The frame of the fault being handled, if it is an instruction fetch at @pc by 64-bit user code.
 * Only valid for a fault with FAULT_FLAG_USER: then the frame that entered the kernel is the
 * fault's.
 */
struct pt_regs *trampfd_arch_fault_regs(unsigned long pc)
{
	struct pt_regs *regs = current_pt_regs();

	return !compat_user_mode(regs) && regs->pc == pc ? regs : NULL;
}

/* Where the data goes (@base), moving the stack pointer in @regs if asked to; false: nowhere. */
bool trampfd_arch_push(struct pt_regs *regs, const struct trampfd_stack *stack, unsigned long *base)
{
	unsigned long sp = regs->sp;
	unsigned long room = stack->size + stack->offset;

	if (sp < room + 16)
		return false;
	*base = sp - room;
	if (stack->flags & TRAMPFD_SET_SP) {
		*base = round_down(*base, 16);
		regs->sp = *base;
	}
	return access_ok((void __user *)*base, sp - *base);
}

/* With BTI, the slots are where an indirect call may lead, and nothing else in their pages is. */
unsigned long trampfd_arch_code_flags(void)
{
	return system_supports_bti() ? VM_ARM64_BTI : 0;
}

/*
 * bti c; adr x18, displacement(slot); ldar x16, [x18]; br x16. @displacement: from the slot's start.
 *
 * ldar, because the entry is stored last: what it finds in the record must be no older.
 */
void trampfd_arch_write_slot(u8 *code, u32 displacement)
{
	const u32 distance = displacement - 4; /* from the instruction that adds it */
	const __le32 slot[TRAMPFD_SLOT_SIZE / 4] = {
		cpu_to_le32(0xd503245f),
		cpu_to_le32(0x10000012 | BITS(distance, 1, 0) << 29 | BITS(distance, 20, 2) << 5),
		cpu_to_le32(0xc8dffe50),
		cpu_to_le32(0xd61f0200),
	};

	memcpy(code, slot, sizeof(slot));
}
