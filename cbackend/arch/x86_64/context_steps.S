/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "context_steps.h"
#include "slot/layout.h"

/*
 * The entry "context".
 *   r10  record; then the first step
 */
    .text
ROUTINE tfd_entry_context
    movq RECORD_STEPS(%r10), %r10
    jmp *(%r10)
END tfd_entry_context

/*
 * Steps.
 *   r10  this step; then the next one
 * A step preserves all registers, flags and memory except what it is meant to change.
 */
.macro NEXT
    leaq STEP_SIZE(%r10), %r10
    jmp *(%r10)
.endm

    .irp register, rax, rbx, rcx, rdx, rsi, rdi, rbp, r8, r9, r11, r12, r13, r14, r15
ROUTINE tfd_step_\register
    movq STEP_VALUE(%r10), %\register
    NEXT
END tfd_step_\register
    .endr

/*
 * Stores stack data.  What it saves, and what a signal handler may use, must lie below the lowest
 * byte that the data can reach, and below a red zone in use:
 *
 *   old rsp                data, at most 64 + 256 + 16 + 8 bytes below
 *   old rsp - ROOM    -8   the new rsp
 *                    -16   flags
 *                    -24   rcx
 *                    -32   rsi
 *                    -40   rdi
 *
 * No register or flag is free to move rsp with at the end, but `pop %rsp` needs none.
 */
#define ROOM 384
#define SAVED 40
ROUTINE tfd_step_stack
    leaq -ROOM(%rsp), %rsp
    .cfi_adjust_cfa_offset ROOM
    pushq %rsp
    pushfq
    pushq %rcx
    pushq %rsi
    pushq %rdi
    .cfi_adjust_cfa_offset SAVED
    cld
    movq STEP_VALUE(%r10), %rsi         /* struct tfd_stack */
    leaq ROOM + SAVED(%rsp), %rdi       /* where the data goes */
    movq %rdi, SAVED - 8(%rsp)
    movl STACK_OFFSET(%rsi), %ecx
    subq %rcx, %rdi
    movl STACK_SIZE(%rsi), %ecx
    subq %rcx, %rdi
    testl $STACK_SET_SP, STACK_FLAGS(%rsi)
    jz 1f
    andq $-16, %rdi
    subq $8, %rdi
    movq %rdi, SAVED - 8(%rsp)
1:  addq $STACK_DATA, %rsi
    rep movsb
    popq %rdi
    popq %rsi
    popq %rcx
    popfq
    popq %rsp
    .cfi_adjust_cfa_offset -ROOM - SAVED
    NEXT
END tfd_step_stack

/* Jumps to the PC. */
ROUTINE tfd_step_jump
    jmp *STEP_VALUE(%r10)
END tfd_step_jump

/*
 * Loads r10, which then no longer leads to the PC: that is saved in the red zone, which signal
 * handlers preserve.
 */
.macro LAST_STEP name, depth
ROUTINE \name
    leaq 8 - \depth(%rsp), %rsp
    .cfi_adjust_cfa_offset \depth - 8
    pushq STEP_VALUE(%r10)
    .cfi_adjust_cfa_offset 8
    leaq \depth(%rsp), %rsp
    .cfi_adjust_cfa_offset -\depth
    movq STEP_SIZE + STEP_VALUE(%r10), %r10
    jmp *-\depth(%rsp)
END \name
.endm

LAST_STEP tfd_step_jump_near, PC_NEAR
LAST_STEP tfd_step_jump_far, PC_FAR

ASM_END
