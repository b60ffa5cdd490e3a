/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   ecx  record, then chain
 *   eax  target; a scratch register that carries no argument
 */
    .text
ROUTINE tfd_entry_chain
    movl RECORD_TARGET(%ecx), %eax
    movl RECORD_CHAIN(%ecx), %ecx
    jmp *%eax
END tfd_entry_chain

ASM_END
