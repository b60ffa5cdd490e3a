/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   x18  record, then chain, where GCC's nested functions look for it
 *   x15  chain, where LLVM's do; a scratch register that carries no argument
 *   x16  target; a scratch register that carries no argument
 */
    .if RECORD_TARGET - RECORD_CHAIN - TFD_WORD
    .error "the target lies behind the chain"
    .endif
    .text
ROUTINE tfd_entry_chain
    ldp x15, x16, [x18, RECORD_CHAIN]
    mov x18, x15
    br x16
END tfd_entry_chain

ASM_END
