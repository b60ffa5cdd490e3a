/* SPDX-License-Identifier: MIT */
/*
 * Macros for all routines, see arch/routine.h; and ASM_END, which ends each assembly file.
 * Linux enforces no landing pads for these CPUs.  The routines are in the instruction set A32, whatever
 * the compiler uses; the tables of unwind information that C++ uses here describe the slots only.
 */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/routine.h"

    .syntax unified
    .arm
    .cfi_sections .debug_frame

.macro LANDING_PAD
.endm

.macro ASM_END
    STACK_NOTE
.endm

#endif
