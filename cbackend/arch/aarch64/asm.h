/* SPDX-License-Identifier: MIT */
/*
 * Macros for all routines, which make them aligned, hidden, typed and sized, with unwind
 * information and a landing pad for indirect branches; and ASM_END, which ends each assembly file.
 *
 * The instructions of newer CPUs are written as the hints that they are to older ones, so that no
 * flag has to allow them.
 */
#ifndef TFD_ASM_H
#define TFD_ASM_H

/* bti c: calls, and branches through x16 or x17, may lead here. */
.macro LANDING_PAD
    hint 34
.endm

/* paciasp, autiasp: sign the return address, and check it.  The former is a landing pad too. */
.macro SIGN_RETURN
    hint 25
    .cfi_negate_ra_state
.endm

.macro CHECK_RETURN
    hint 29
    .cfi_negate_ra_state
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

/*
 * Notes for the linker: this object tolerates branch target identification, signed return addresses
 * and guarded control stacks ("ELF for the Arm 64-bit Architecture", Program Property), and needs
 * no executable stack.
 */
.macro ASM_END
    .section .note.gnu.property, "a"
    .balign 8
    .long 4, 16, 5      /* size of the name, size of the description, NT_GNU_PROPERTY_TYPE_0 */
    .asciz "GNU"
    .long 0xc0000000, 4 /* GNU_PROPERTY_AARCH64_FEATURE_1_AND, size */
    .long 7, 0          /* BTI | PAC | GCS, padding */

    .section .note.GNU-stack, "", %progbits
.endm

#endif
