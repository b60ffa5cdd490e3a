// SPDX-License-Identifier: GPL-2.0-only
/* A caller of 32 bits. */
#include "test.h"

void caller_of_32_bits(void)
{
	skip("64-bit programs of this CPU can do no 32-bit system call");
}
