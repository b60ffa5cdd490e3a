/* SPDX-License-Identifier: MIT */
/* Macros that no routine can do without: hidden, typed, sized, with unwind information. */
#ifndef TFD_ASM_H
#define TFD_ASM_H

.macro ROUTINE name
    .globl \name
    .hidden \name
    .type \name, %function
\name:
    .cfi_startproc
.endm

.macro END name
    .cfi_endproc
    .size \name, . - \name
.endm

#endif
