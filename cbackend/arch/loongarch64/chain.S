/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   t2  record
 *   t8  chain
 *   t1  target; a scratch register that carries no argument
 */
    .text
ROUTINE tfd_entry_chain
    ld.d $t1, $t2, RECORD_TARGET
    ld.d $t8, $t2, RECORD_CHAIN
    jr $t1
END tfd_entry_chain

ASM_END
