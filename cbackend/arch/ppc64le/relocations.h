/* SPDX-License-Identifier: MIT */
/* POWER, little-endian: relocations that store the address of a symbol, and nothing else, in a word. */
#ifndef TFD_RELOCATIONS_H
#define TFD_RELOCATIONS_H

#include "base/rela.h"

#define TFD_PORT_JUMP_SLOT R_PPC64_JMP_SLOT /* the only one that may be bound lazily */
#define TFD_PORT_GLOB_DAT R_PPC64_GLOB_DAT
#define TFD_PORT_WORD R_PPC64_ADDR64 /* plus an addend */

#endif
