/* SPDX-License-Identifier: MIT */
/*
 * Macros for all routines.  Linux enforces no landing pads for these CPUs.  The routines are in the
 * instruction set A32, whatever the compiler uses; the tables of unwind information that C++ uses here
 * describe the slots only.
 */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/no_landing_pads.h"

    .syntax unified
    .arm
    .cfi_sections .debug_frame

#endif
