/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * Entry of functions with a static chain: jump to the record's target with the record's chain.
 *
 *   ip  record, then chain
 *
 * The words of the record are loaded into ip and pc at once.
 */
    .text
ROUTINE tfd_entry_chain
    .if RECORD_CHAIN - TFD_WORD || RECORD_TARGET - 2 * TFD_WORD
    .error "chain and target are the second and the third word of a record"
    .endif
    ldmib ip, {ip, pc}
END tfd_entry_chain

ASM_END
