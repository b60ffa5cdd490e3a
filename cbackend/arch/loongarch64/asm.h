/* SPDX-License-Identifier: MIT */
/* Macros for all routines.  This CPU has no landing pads. */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/no_landing_pads.h"

#endif
