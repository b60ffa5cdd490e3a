/* SPDX-License-Identifier: MIT */
/* Macros for all routines, see arch/routine.h; and ASM_END, which ends each assembly file. */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/routine.h"

.macro LANDING_PAD
    endbr64
.endm

/* GNU_PROPERTY_X86_FEATURE_1_AND: indirect branch tracking (IBT) and shadow stacks (SHSTK). */
.macro ASM_END
    NOTES 0xc0000002, 3
.endm

#endif
