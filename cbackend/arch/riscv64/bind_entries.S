/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "bind_entries.h"
#include "frame.h"

/*
 * Entries of bound functions: make room among the integer registers, put the bound argument
 * there and jump to the function, which returns to the caller.
 *
 *   t2  record
 *   t1  function; a scratch register that carries no argument
 *
 * All registers move up, those without an argument too: each costs one instruction without a load.
 */
.macro FINISH register
    ld \register, RECORD_USER_DATA(t2)
    ld t1, RECORD_FUNCTION(t2)
    jr t1
    .org 1b + BIND_ENTRY_SIZE, 0
.endm

.macro MOVE_UP
    mv a7, a6
    mv a6, a5
    mv a5, a4
    mv a4, a3
    mv a3, a2
    mv a2, a1
.endm

    .text
    .balign 64
TABLE tfd_bind_entries
    /* BIND_FIRST */
1:  MOVE_UP
    mv a1, a0
    FINISH a0

    /* BIND_FIRST_HIDDEN */
1:  MOVE_UP
    FINISH a1

    /* BIND_LAST */
    .irp register, a0, a1, a2, a3, a4, a5, a6, a7
1:  FINISH \register
    .endr
END tfd_bind_entries

ASM_END
