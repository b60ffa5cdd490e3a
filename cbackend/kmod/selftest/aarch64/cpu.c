// SPDX-License-Identifier: GPL-2.0-only
/* AArch64: the code of a slot, and the registers that a signal saved. */
#include "test.h"

void fill_fault(struct fault *fault, const ucontext_t *context)
{
	const mcontext_t *saved = &context->uc_mcontext;

	fault->pc = saved->pc;
	fault->sp = saved->sp;
	fault->chain = saved->regs[CAPTURED_CHAIN];
}

/* bti c; adr x18, record; ldar x16, [x18]; br x16 */
bool slot_leads_to(const void *slot, const void *record)
{
	const uint32_t *code = slot;
	const uint32_t distance = (const char *)record - (const char *)slot - 4;

	return code[0] == 0xd503245f &&
	       code[1] == (0x10000012 | (distance & 3) << 29 | distance >> 2 << 5) &&
	       code[2] == 0xc8dffe50 && code[3] == 0xd61f0200;
}
