// SPDX-License-Identifier: GPL-2.0-only
/* x86-64: the code of a slot, and the registers that a signal saved. */
#define _GNU_SOURCE
#include "test.h"

#include <string.h>

void fill_fault(struct fault *fault, const ucontext_t *context)
{
	const greg_t *regs = context->uc_mcontext.gregs;

	fault->pc = regs[REG_RIP];
	fault->sp = regs[REG_RSP];
	fault->chain = regs[REG_R10];
}

bool slot_leads_to(const void *slot, const void *record)
{
	static const unsigned char start[] = { 0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15 };
	static const unsigned char end[] = { 0x41, 0xff, 0x22, 0xcc, 0xcc };
	const char *code = slot;
	int32_t displacement;

	memcpy(&displacement, code + 7, 4);
	return !memcmp(code, start, 7) && !memcmp(code + 11, end, 5) &&
	       code + 11 + displacement == record;
}
