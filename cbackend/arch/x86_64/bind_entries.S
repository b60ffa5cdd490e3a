/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "bind_entries.h"
#include "frame.h"

/*
 * Entries of bound functions: make room among the integer registers, put the bound argument
 * there and jump to the function, which returns to the caller.
 *
 *   r10  record
 *
 * al, which variadic functions read, is preserved.
 */
.macro SHIFT_FROM_RSI count
    .ifgt \count - 3
    movq %r8, %r9
    .endif
    .ifgt \count - 2
    movq %rcx, %r8
    .endif
    .ifgt \count - 1
    movq %rdx, %rcx
    .endif
    .ifgt \count - 0
    movq %rsi, %rdx
    .endif
.endm

.macro FINISH register
    movq RECORD_USER_DATA(%r10), %\register
    jmp *RECORD_FUNCTION(%r10)
    .org 1b + BIND_ENTRY_SIZE, 0xcc
.endm

    .text
    .balign 64
TABLE tfd_bind_entries
    /* BIND_FIRST */
    .irp count, 0, 1, 2, 3, 4, 5
1:  LANDING_PAD
    SHIFT_FROM_RSI (\count-1)
    .ifgt \count
    movq %rdi, %rsi
    .endif
    FINISH rdi
    .endr

    /* BIND_FIRST_HIDDEN */
    .irp count, 0, 1, 2, 3, 4
1:  LANDING_PAD
    SHIFT_FROM_RSI \count
    FINISH rsi
    .endr

    /* BIND_LAST */
    .irp register, rdi, rsi, rdx, rcx, r8, r9
1:  LANDING_PAD
    FINISH \register
    .endr
END tfd_bind_entries

ASM_END
