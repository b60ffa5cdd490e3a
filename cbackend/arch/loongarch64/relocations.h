/* SPDX-License-Identifier: MIT */
/* LoongArch: relocations that store the address of a symbol, and nothing else, in a word. */
#ifndef TFD_RELOCATIONS_H
#define TFD_RELOCATIONS_H

#include "base/rela.h"

#define TFD_PORT_JUMP_SLOT R_LARCH_JUMP_SLOT /* the only one that may be bound lazily */
#define TFD_PORT_GLOB_DAT R_LARCH_64         /* there is no other */
#define TFD_PORT_WORD R_LARCH_64             /* plus an addend */

#endif
