/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "frame.h"

/*
 * Entries of plans: make the frame, spill the argument registers that the signature uses into it,
 * and jump to the record's tail.
 *
 *   x18  record
 *   x16  tail; a scratch register that carries no argument
 *
 * Registers are spilled in pairs, which costs no more than one of them.  The entries for all
 * numbers of pairs follow each other, PLAN_ENTRY_SIZE bytes apart, so that the port can compute the
 * address of each; the last one spills everything, vectors as a whole too.
 */
.macro MAKE_FRAME
    SIGN_RETURN
    stp x29, x30, [sp, -FRAME_SIZE]!
    .cfi_def_cfa_offset FRAME_SIZE
    .cfi_offset x29, -FRAME_SIZE
    .cfi_offset x30, 8 - FRAME_SIZE
    mov x29, sp
    str x8, [sp, FRAME_RESULT_ADDRESS]
.endm

.macro SPILL_WORDS pairs
    .ifgt \pairs - 0
    stp x0, x1, [sp, FRAME_WORDS]
    .endif
    .ifgt \pairs - 1
    stp x2, x3, [sp, FRAME_WORDS + 16]
    .endif
    .ifgt \pairs - 2
    stp x4, x5, [sp, FRAME_WORDS + 32]
    .endif
    .ifgt \pairs - 3
    stp x6, x7, [sp, FRAME_WORDS + 48]
    .endif
.endm

.macro SPILL_VECTORS pairs
    .ifgt \pairs - 0
    stp d0, d1, [sp, FRAME_VECTORS]
    .endif
    .ifgt \pairs - 1
    stp d2, d3, [sp, FRAME_VECTORS + 16]
    .endif
    .ifgt \pairs - 2
    stp d4, d5, [sp, FRAME_VECTORS + 32]
    .endif
    .ifgt \pairs - 3
    stp d6, d7, [sp, FRAME_VECTORS + 48]
    .endif
.endm

.macro SPILL_WHOLE_VECTORS
    stp q0, q1, [sp, FRAME_WHOLE_VECTORS]
    stp q2, q3, [sp, FRAME_WHOLE_VECTORS + 32]
    stp q4, q5, [sp, FRAME_WHOLE_VECTORS + 64]
    stp q6, q7, [sp, FRAME_WHOLE_VECTORS + 96]
.endm

.macro PLAN_ENTRY words, vectors, is_whole=0
1:  .cfi_remember_state
    MAKE_FRAME
    SPILL_WORDS \words
    SPILL_VECTORS \vectors
    .if \is_whole
    SPILL_WHOLE_VECTORS
    .endif
    ldr x16, [x18, RECORD_TAIL]
    br x16
    .cfi_restore_state
    .org 1b + PLAN_ENTRY_SIZE, 0
    .set entries_made, entries_made + 1
.endm

    .text
    .balign 64
    .set entries_made, 0
TABLE tfd_plan_entries
    .irp words, 0, 1, 2, 3, 4
    .irp vectors, 0, 1, 2, 3, 4
    PLAN_ENTRY \words, \vectors
    .endr
    .endr
    PLAN_ENTRY 4, 4, 1
    .if entries_made - PLAN_ENTRIES
    .error "number of the entries of plans"
    .endif
END tfd_plan_entries

/*
 * Tails: call `struct tfd_return_words dispatch(char *frame, const union tfd_record *record)`,
 * whose result is already in x0 and x1; load the other return registers that the signature
 * may use; undo the frame.
 *
 *   x18  record
 *   sp   frame
 */
.macro TAIL name
    .balign 16
    TABLE \name
    .cfi_negate_ra_state
    .cfi_def_cfa_offset FRAME_SIZE
    .cfi_offset x29, -FRAME_SIZE
    .cfi_offset x30, 8 - FRAME_SIZE
    LANDING_PAD
    mov x0, sp
    mov x1, x18
    ldr x16, [x18, RECORD_DISPATCH]
    blr x16
.endm

.macro END_TAIL name
    ldp x29, x30, [sp], FRAME_SIZE
    .cfi_def_cfa_offset 0
    .cfi_restore x29
    .cfi_restore x30
    CHECK_RETURN
    ret
END \name
.endm

TAIL tfd_plan_tail_words
END_TAIL tfd_plan_tail_words

TAIL tfd_plan_tail_singles
    ldp s0, s1, [sp, FRAME_RESULT]
    ldp s2, s3, [sp, FRAME_RESULT + 8]
END_TAIL tfd_plan_tail_singles

TAIL tfd_plan_tail_doubles
    ldp d0, d1, [sp, FRAME_RESULT]
    ldp d2, d3, [sp, FRAME_RESULT + 16]
END_TAIL tfd_plan_tail_doubles

TAIL tfd_plan_tail_quads
    ldp q0, q1, [sp, FRAME_RESULT]
    ldp q2, q3, [sp, FRAME_RESULT + 32]
END_TAIL tfd_plan_tail_quads

ASM_END
