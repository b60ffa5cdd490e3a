/* SPDX-License-Identifier: MIT */
/* Macros for all routines.  Linux enforces no landing pads for this CPU. */
#ifndef TFD_ASM_H
#define TFD_ASM_H

#include "arch/no_landing_pads.h"

    .option norelax
    .option norvc

#endif
