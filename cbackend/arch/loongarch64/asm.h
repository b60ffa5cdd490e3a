/* SPDX-License-Identifier: MIT */
/*
 * Macros for all routines, see arch/routine.h; and ASM_END, which ends each assembly file.
 * This CPU has no landing pads.
 */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/routine.h"

.macro LANDING_PAD
.endm

.macro ASM_END
    STACK_NOTE
.endm

#endif
