/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "frame.h"

/*
 * Entries of plans: make the frame, spill the argument registers that the signature uses into it,
 * and jump to the record's tail.
 *
 *   t2  record
 *   t1  tail; a scratch register that carries no argument
 *
 * The entries for all numbers of integer and of float registers follow each other, PLAN_ENTRY_SIZE
 * bytes apart, so that the port can compute the address of each.
 */
.macro FRAME_IS_MADE
    .cfi_def_cfa_offset FRAME_SIZE
    .cfi_offset s0, FRAME_CALLERS_S0 - FRAME_SIZE
    .cfi_offset ra, FRAME_RA - FRAME_SIZE
.endm

.macro MAKE_FRAME
    addi sp, sp, -FRAME_SIZE
    .cfi_def_cfa_offset FRAME_SIZE
    sd s0, FRAME_CALLERS_S0(sp)
    .cfi_offset s0, FRAME_CALLERS_S0 - FRAME_SIZE
    sd ra, FRAME_RA(sp)
    .cfi_offset ra, FRAME_RA - FRAME_SIZE
    addi s0, sp, FRAME_WORDS
.endm

/* The first `count` of these registers. */
.macro SPILL instruction, offset, count, registers:vararg
    .set spilled, 0
    .irp register, \registers
    .iflt spilled - \count
    \instruction \register, \offset + 8 * spilled(sp)
    .set spilled, spilled + 1
    .endif
    .endr
.endm

.macro PLAN_ENTRY words, floats
1:  .cfi_remember_state
    MAKE_FRAME
    SPILL sd, FRAME_WORDS, \words, a0, a1, a2, a3, a4, a5, a6, a7
    SPILL fsd, FRAME_FLOATS, \floats, fa0, fa1, fa2, fa3, fa4, fa5, fa6, fa7
    ld t1, RECORD_TAIL(t2)
    jr t1
    .cfi_restore_state
    .org 1b + PLAN_ENTRY_SIZE, 0
    .set entries_made, entries_made + 1
.endm

    .text
    .balign 64
    .set entries_made, 0
TABLE tfd_plan_entries
    .irp words, 0, 1, 2, 3, 4, 5, 6, 7, 8
    .irp floats, 0, 1, 2, 3, 4, 5, 6, 7, 8
    PLAN_ENTRY \words, \floats
    .endr
    .endr
    .if entries_made - PLAN_ENTRIES
    .error "number of the entries of plans"
    .endif
END tfd_plan_entries

/*
 * Tails: call `struct tfd_return_words dispatch(char *frame, const union tfd_record *record)`,
 * whose result is already in a0 and a1; load the other return registers that the signature
 * may use; undo the frame.
 *
 *   t2  record
 *   sp  frame
 *
 * Their names say which floats are where in the result: single or double, at its start and at
 * byte 8 or, if both are single, at byte 4.  `flw` fills the rest of a register with ones, as the
 * ABI wants it.
 */
.macro TAIL name
    .balign 16
    TABLE \name
    FRAME_IS_MADE
    mv a0, sp
    mv a1, t2
    ld t1, RECORD_DISPATCH(t2)
    jalr t1
.endm

.macro END_TAIL name
    ld ra, FRAME_RA(sp)
    .cfi_restore ra
    ld s0, FRAME_CALLERS_S0(sp)
    .cfi_restore s0
    addi sp, sp, FRAME_SIZE
    .cfi_def_cfa_offset 0
    ret
END \name
.endm

TAIL tfd_plan_tail_words
END_TAIL tfd_plan_tail_words

TAIL tfd_plan_tail_singles
    flw fa0, FRAME_RESULT(sp)
    flw fa1, FRAME_RESULT + 4(sp)
END_TAIL tfd_plan_tail_singles

TAIL tfd_plan_tail_doubles
    fld fa0, FRAME_RESULT(sp)
    fld fa1, FRAME_RESULT + 8(sp)
END_TAIL tfd_plan_tail_doubles

TAIL tfd_plan_tail_single_double
    flw fa0, FRAME_RESULT(sp)
    fld fa1, FRAME_RESULT + 8(sp)
END_TAIL tfd_plan_tail_single_double

TAIL tfd_plan_tail_double_single
    fld fa0, FRAME_RESULT(sp)
    flw fa1, FRAME_RESULT + 8(sp)
END_TAIL tfd_plan_tail_double_single

/* An integer comes first. */
TAIL tfd_plan_tail_single_at_4
    flw fa0, FRAME_RESULT + 4(sp)
END_TAIL tfd_plan_tail_single_at_4

TAIL tfd_plan_tail_single_at_8
    flw fa0, FRAME_RESULT + 8(sp)
END_TAIL tfd_plan_tail_single_at_8

TAIL tfd_plan_tail_double_at_8
    fld fa0, FRAME_RESULT + 8(sp)
END_TAIL tfd_plan_tail_double_at_8

ASM_END
