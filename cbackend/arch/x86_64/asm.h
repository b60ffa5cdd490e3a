/* SPDX-License-Identifier: MIT */
/*
 * Macros for all routines, which make them aligned, hidden, typed and sized, with unwind
 * information and a landing pad for indirect branches; and ASM_END, which ends each assembly file.
 */
#ifndef TFD_ASM_H
#define TFD_ASM_H

.macro LANDING_PAD
    endbr64
.endm

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

/* Notes for the linker: this object tolerates indirect branch tracking and shadow stacks, and needs
   no executable stack. */
.macro ASM_END
    .section .note.gnu.property, "a"
    .balign 8
    .long 4, 16, 5      /* size of the name, size of the description, NT_GNU_PROPERTY_TYPE_0 */
    .asciz "GNU"
    .long 0xc0000002, 4 /* GNU_PROPERTY_X86_FEATURE_1_AND, size */
    .long 3, 0          /* IBT | SHSTK, padding */

    .section .note.GNU-stack, "", %progbits
.endm

#endif
