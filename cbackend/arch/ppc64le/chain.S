/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   r11  record, then chain
 *   r12  target
 */
    .text
ROUTINE tfd_entry_chain
    ld 12, RECORD_TARGET(11)
    ld 11, RECORD_CHAIN(11)
    mtctr 12
    bctr
END tfd_entry_chain

ASM_END
