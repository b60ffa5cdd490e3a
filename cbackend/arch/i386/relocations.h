/* SPDX-License-Identifier: MIT */
/* i386: relocations that store the address of a symbol, and nothing else, in a word. */
#ifndef TFD_RELOCATIONS_H
#define TFD_RELOCATIONS_H

#include "base/rel.h"

#define TFD_PORT_JUMP_SLOT R_386_JMP_SLOT /* the only one that may be bound lazily */
#define TFD_PORT_GLOB_DAT R_386_GLOB_DAT
#define TFD_PORT_WORD R_386_32 /* plus an addend that lies in the word */

#endif
