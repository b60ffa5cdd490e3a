/* SPDX-License-Identifier: MIT */
/*
 * For the asm.h of CPUs without landing pads, or whose landing pads Linux does not enforce: the
 * macros LANDING_PAD, which is nothing, and ASM_END, which ends each assembly file.
 */
#ifndef TFD_NO_LANDING_PADS_H
#define TFD_NO_LANDING_PADS_H

#include "arch/routine.h"

.macro LANDING_PAD
.endm

.macro ASM_END
    STACK_NOTE
.endm

#endif
