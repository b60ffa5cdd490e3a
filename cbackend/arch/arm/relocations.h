/* SPDX-License-Identifier: MIT */
/* 32-bit Arm: relocations that store the address of a symbol, and nothing else, in a word. */
#ifndef TFD_RELOCATIONS_H
#define TFD_RELOCATIONS_H

#include "base/rel.h"

#define TFD_PORT_JUMP_SLOT R_ARM_JUMP_SLOT /* the only one that may be bound lazily */
#define TFD_PORT_GLOB_DAT R_ARM_GLOB_DAT
#define TFD_PORT_WORD R_ARM_ABS32 /* plus an addend that lies in the word */

#endif
