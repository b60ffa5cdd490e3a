/* SPDX-License-Identifier: MIT */
/*
 * Macros for routines of every CPU whose asm.h defines LANDING_PAD: they are aligned, hidden, typed
 * and sized, and have unwind information.
 */
#ifndef TFD_ROUTINE_H
#define TFD_ROUTINE_H

/* Something that does not begin with a landing pad, such as a table of slots. */
.macro TABLE name
    .globl \name
    .hidden \name
    .type \name, %function
\name:
    .cfi_startproc
.endm

.macro ROUTINE name
    .balign 16
    TABLE \name
    LANDING_PAD
.endm

.macro END name
    .cfi_endproc
    .size \name, . - \name
.endm

.macro STACK_NOTE
    .section .note.GNU-stack, "", %progbits
.endm

/* Notes for the linker: what this object tolerates of the CPU's protection of control flow, and that
   it needs no executable stack. */
.macro NOTES property, features
    .section .note.gnu.property, "a"
    .balign 8
    .long 4, 16, 5 /* size of the name, size of the description, NT_GNU_PROPERTY_TYPE_0 */
    .asciz "GNU"
    .long \property, 4
    .long \features, 0 /* and padding */
    STACK_NOTE
.endm

#endif
