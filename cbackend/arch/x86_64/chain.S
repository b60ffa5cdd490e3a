/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   r10  record, then chain
 *   r11  target; a scratch register that carries no argument
 */
    .text
ROUTINE tfd_entry_chain
    movq RECORD_TARGET(%r10), %r11
    movq RECORD_CHAIN(%r10), %r10
    jmp *%r11
END tfd_entry_chain

ASM_END
