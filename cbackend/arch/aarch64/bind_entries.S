/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "bind_entries.h"
#include "frame.h"

/*
 * Entries of bound functions: make room among the integer registers, put the bound argument
 * there and jump to the function, which returns to the caller.
 *
 *   x18  record
 *   x16  function; a scratch register that carries no argument
 *
 * All registers move up, those without an argument too, which costs nothing that can be measured.
 * x8, the address of a result in memory, is not among them.
 */
.macro FINISH register
    ldr \register, [x18, RECORD_USER_DATA]
    ldr x16, [x18, RECORD_FUNCTION]
    br x16
    .org 1b + BIND_ENTRY_SIZE, 0
.endm

    .text
    .balign 64
TABLE tfd_bind_entries
    /* BIND_FIRST */
1:  LANDING_PAD
    mov x7, x6
    mov x6, x5
    mov x5, x4
    mov x4, x3
    mov x3, x2
    mov x2, x1
    mov x1, x0
    FINISH x0

    /* BIND_LAST */
    .irp register, x0, x1, x2, x3, x4, x5, x6, x7
1:  LANDING_PAD
    FINISH \register
    .endr
END tfd_bind_entries

ASM_END
