/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "frame.h"

/*
 * Entries of plans: make the frame, spill W integer and V vector argument registers into
 * it, and jump to the record's tail.
 *
 *   r10  record
 *
 * The entries for all W = 0..6 and V = 0..8 follow each other, PLAN_ENTRY_SIZE bytes apart, so that
 * the port can compute the address of each.
 *
 * Behind them, for signatures without arguments, are entries that do the rest, too, for one kind of
 * result each: call `void fun(ffi_cif *, void *result, void **arguments, void *user_data)`, and
 * load the result.  The record may lie on the stack: before they have read all they need of it, they
 * store nothing but rbp, over its last word.
 *
 *   rsp +  0  result, two words
 *       + 16  rbp of the caller; also the address of the vector of arguments, which is empty
 *       + 24  return address
 *
 * Frames are linked by rbp, so that profilers find the caller without unwind information.
 */
.macro SAVE_FRAME_POINTER
    .cfi_remember_state
    pushq %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset %rbp, 0
    movq %rsp, %rbp
.endm

/* Undoes the frame and returns. */
.macro UNDO_FRAME
    leave
    .cfi_restore %rbp
    .cfi_def_cfa %rsp, 8
    ret
    .cfi_restore_state
.endm

#define DIRECT_RESULT_SIZE 16

.macro DIRECT_CALL
    LANDING_PAD
    SAVE_FRAME_POINTER
    subq $DIRECT_RESULT_SIZE, %rsp
    .cfi_adjust_cfa_offset DIRECT_RESULT_SIZE
    movq RECORD_CIF(%r10), %rdi
    movq %rsp, %rsi
    movq %rbp, %rdx
    movq RECORD_USER_DATA(%r10), %rcx
    call *RECORD_FUN(%r10)
.endm

.macro DIRECT_RETURN
    UNDO_FRAME
    .org 1b + PLAN_ENTRY_SIZE, 0xcc
    .set entries_made, entries_made + 1
.endm

.macro SPILL_WORDS count
    .ifgt \count - 0
    movq %rdi, 0(%rsp)
    .endif
    .ifgt \count - 1
    movq %rsi, 8(%rsp)
    .endif
    .ifgt \count - 2
    movq %rdx, 16(%rsp)
    .endif
    .ifgt \count - 3
    movq %rcx, 24(%rsp)
    .endif
    .ifgt \count - 4
    movq %r8, 32(%rsp)
    .endif
    .ifgt \count - 5
    movq %r9, 40(%rsp)
    .endif
.endm

.macro SPILL_VECTORS count
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7
    .ifgt \count - \n
    movlps %xmm\n, FRAME_VECTORS + 8 * \n(%rsp)
    .endif
    .endr
.endm

    .text
    .balign 64
    .set entries_made, 0
TABLE tfd_plan_entries
    .irp words, 0, 1, 2, 3, 4, 5, 6
    .irp vectors, 0, 1, 2, 3, 4, 5, 6, 7, 8
1:  LANDING_PAD
    SAVE_FRAME_POINTER
    subq $FRAME_POINTER, %rsp
    .cfi_adjust_cfa_offset FRAME_POINTER
    SPILL_WORDS \words
    SPILL_VECTORS \vectors
    jmp *RECORD_TAIL(%r10)
    .cfi_restore_state
    .org 1b + PLAN_ENTRY_SIZE, 0xcc
    .set entries_made, entries_made + 1
    .endr
    .endr
    /* PLAN_DIRECT_VOID */
1:  DIRECT_CALL
    DIRECT_RETURN
    /* PLAN_DIRECT_32 */
1:  DIRECT_CALL
    movl (%rsp), %eax
    DIRECT_RETURN
    /* PLAN_DIRECT_WORDS */
1:  DIRECT_CALL
    movq (%rsp), %rax
    movq 8(%rsp), %rdx
    DIRECT_RETURN
    .if entries_made - PLAN_ENTRIES
    .error "number of the entries of plans"
    .endif
END tfd_plan_entries

/*
 * Tails: call `struct tfd_return_words dispatch(char *frame, const union tfd_record *record)`,
 * whose result is already in rax and rdx; load the other return registers that the signature
 * may use; undo the frame.
 *
 *   r10  record
 *   rsp  frame
 *   rbp  FRAME_POINTER behind it
 */
.macro TAIL name
    .balign 16
    TABLE \name
    .cfi_remember_state
    .cfi_adjust_cfa_offset FRAME_SIZE
    .cfi_rel_offset %rbp, FRAME_POINTER
    LANDING_PAD
    movq %rsp, %rdi
    movq %r10, %rsi
    call *RECORD_DISPATCH(%r10)
.endm

.macro END_TAIL name
    UNDO_FRAME
END \name
.endm

TAIL tfd_plan_tail_words
END_TAIL tfd_plan_tail_words

TAIL tfd_plan_tail_vectors
    movsd FRAME_VECTOR_RESULT(%rsp), %xmm0
    movsd FRAME_VECTOR_RESULT + 8(%rsp), %xmm1
END_TAIL tfd_plan_tail_vectors

TAIL tfd_plan_tail_x87
    fldt FRAME_RESULT(%rsp)
END_TAIL tfd_plan_tail_x87

TAIL tfd_plan_tail_x87_pair
    fldt FRAME_RESULT + 16(%rsp)
    fldt FRAME_RESULT(%rsp)
END_TAIL tfd_plan_tail_x87_pair

ASM_END
