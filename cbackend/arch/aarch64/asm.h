/* SPDX-License-Identifier: MIT */
/*
 * Macros for all routines, see arch/routine.h; and ASM_END, which ends each assembly file.
 *
 * The instructions of newer CPUs are written as the hints that they are to older ones, so that no
 * flag has to allow them.
 */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/routine.h"

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

/*
 * GNU_PROPERTY_AARCH64_FEATURE_1_AND: branch target identification (BTI), signed return addresses
 * (PAC) and guarded control stacks (GCS); "ELF for the Arm 64-bit Architecture", Program Property.
 */
.macro ASM_END
    NOTES 0xc0000000, 7
.endm

#endif
