/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   t2  record, then chain
 *   t1  target; a scratch register that carries no argument
 */
    .text
ROUTINE tfd_entry_chain
    ld t1, RECORD_TARGET(t2)
    ld t2, RECORD_CHAIN(t2)
    jr t1
END tfd_entry_chain

ASM_END
