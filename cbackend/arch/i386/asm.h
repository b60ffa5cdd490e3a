/* SPDX-License-Identifier: MIT */
/* Macros for all routines.  Linux enforces no landing pads in 32-bit programs. */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/no_landing_pads.h"

#endif
