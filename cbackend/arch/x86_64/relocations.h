/* SPDX-License-Identifier: MIT */
/* x86-64: relocations that store the address of a symbol, and nothing else, in a word. */
#ifndef TFD_RELOCATIONS_H
#define TFD_RELOCATIONS_H

#include "base/rela.h"

#define TFD_PORT_JUMP_SLOT R_X86_64_JUMP_SLOT /* the only one that may be bound lazily */
#define TFD_PORT_GLOB_DAT R_X86_64_GLOB_DAT
#define TFD_PORT_WORD R_X86_64_64 /* plus an addend */

#endif
