/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   r0  record, then chain; as the base of an address it would stand for 0
 *   r1  target; a scratch register that carries no argument
 */
    .text
ROUTINE tfd_entry_chain
    lgr %r1, %r0
    lg %r0, RECORD_CHAIN(%r1)
    lg %r1, RECORD_TARGET(%r1)
    br %r1
END tfd_entry_chain

ASM_END
