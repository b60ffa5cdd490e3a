/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * void tfd_entry_below_stack(void)
 *   rsp  record ends here
 * The record lies in the red zone, which signal handlers preserve.
 */
    .text
ROUTINE tfd_entry_below_stack
    leaq -TFD_RECORD_SIZE(%rsp), %r10
    jmp *(%r10)
END tfd_entry_below_stack

ASM_END
