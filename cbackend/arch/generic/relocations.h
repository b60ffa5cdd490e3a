/* SPDX-License-Identifier: MIT */
/* A CPU whose relocations are not known: none of these occurs, so that nothing is redirected. */
#ifndef TFD_RELOCATIONS_H
#define TFD_RELOCATIONS_H

#include "base/rela.h"

#define TFD_PORT_JUMP_SLOT UINT32_MAX
#define TFD_PORT_GLOB_DAT (UINT32_MAX - 1)
#define TFD_PORT_WORD (UINT32_MAX - 2)

#endif
