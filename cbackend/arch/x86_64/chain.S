/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "cpu.h"

/*
 * Entry of functions with a static chain: go on at the record's target with the record's chain.
 *
 *   r10  record, then chain
 *   r11  target; a scratch register that carries no argument
 */
    .text
    .balign 16
ROUTINE tfd_entry_chain
    endbr64
    movq TFD_PORT_RECORD_TARGET(%r10), %r11
    movq TFD_PORT_RECORD_CHAIN(%r10), %r10
    jmp *%r11
END tfd_entry_chain

#include "notes.h"
