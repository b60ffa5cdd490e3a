/* SPDX-License-Identifier: MIT */
/* The relocations of the CPU, all with explicit addends (ElfW(Rela)); see arch/<cpu>/relocations.h. */
#ifndef TFD_GOT_PORT_H
#define TFD_GOT_PORT_H

#if defined(__x86_64__) && defined(__LP64__)
#include "relocations.h"
#else
#error "trampfd has no port to this CPU: add arch/<cpu>/relocations.h"
#endif

#endif
