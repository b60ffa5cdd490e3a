// SPDX-License-Identifier: GPL-2.0-only
/* x86-64: register names, the fault frame, the stack push, and the code of a slot. */
#include <linux/minmax.h>
#include <linux/ptrace.h>
#include <linux/sched/task_stack.h>
#include <linux/string.h>
#include <linux/uaccess.h>
#include <asm/cpufeature.h>
#include <asm/processor-flags.h>

#include "trampfd.h"

#define FIELD(name) offsetof(struct pt_regs, name)

/* In the order of the names from TRAMPFD_X86_RAX on. */
static const u16 reg_offset[] = {
	FIELD(ax),  FIELD(bx),	FIELD(cx),  FIELD(dx),	FIELD(si),  FIELD(di),
	FIELD(bp),  FIELD(r8),	FIELD(r9),  FIELD(r10), FIELD(r11), FIELD(r12),
	FIELD(r13), FIELD(r14), FIELD(r15), FIELD(ip),
};

static_assert(ARRAY_SIZE(reg_offset) == TRAMPFD_X86_64_MAX - TRAMPFD_X86_RAX);

/* Without NX, fetching from a page without code is not told from reading it. */
const struct trampfd_type *trampfd_arch_user_type(void)
{
	return boot_cpu_has(X86_FEATURE_NX) ? &trampfd_user_type : NULL;
}

bool trampfd_arch_reg_known(u32 name)
{
	return name >= TRAMPFD_X86_RAX && name < TRAMPFD_X86_64_MAX;
}

bool trampfd_arch_reg_is_pc(u32 name)
{
	return name == TRAMPFD_X86_RIP;
}

/* RF is for the instruction that faulted: a breakpoint on the first one of the target counts. */
void trampfd_arch_set_reg(struct pt_regs *regs, u32 name, u64 value)
{
	if (trampfd_arch_reg_is_pc(name))
		regs->flags &= ~X86_EFLAGS_RF;
	*(unsigned long *)((char *)regs + reg_offset[name - TRAMPFD_X86_RAX]) = value;
}

/*
 * The frame of the fault being handled, if it is an instruction fetch at @pc by 64-bit user code.
 * Only valid for a fault with FAULT_FLAG_USER: then the frame that entered the kernel is the
 * fault's.
 */
struct pt_regs *trampfd_arch_fault_regs(unsigned long pc)
{
	struct pt_regs *regs = current_pt_regs();

	return user_64bit_mode(regs) && regs->ip == pc ? regs : NULL;
}

/* Where the data goes (@base), moving the stack pointer in @regs if asked to; false: nowhere. */
bool trampfd_arch_push(struct pt_regs *regs, const struct trampfd_stack *stack, unsigned long *base)
{
	unsigned long sp = regs->sp;
	unsigned long room = stack->size + stack->offset;

	if (sp < room + 16 + 8)
		return false;
	*base = sp - room;
	if (stack->flags & TRAMPFD_SET_SP) {
		*base = round_down(*base, 16) - 8;
		regs->sp = *base;
	}
	return access_ok((void __user *)*base, sp - *base);
}

unsigned long trampfd_arch_code_flags(void)
{
	return 0;
}

/* endbr64; lea displacement(slot), %r10; jmp *(%r10). @displacement: from the slot's start. */
void trampfd_arch_write_slot(u8 *code, u32 displacement)
{
	static const u8 slot[TRAMPFD_SLOT_SIZE] = {
		0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0, 0, 0, 0, 0x41, 0xff, 0x22, 0xcc, 0xcc,
	};

	displacement -= 11; /* the processor counts from the end of lea */
	memcpy(code, slot, sizeof(slot));
	memcpy(code + 7, &displacement, sizeof(displacement));
}
