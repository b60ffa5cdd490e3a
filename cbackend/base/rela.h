/* SPDX-License-Identifier: MIT */
/* Relocations with explicit addends, as most CPUs have them. */
#ifndef TFD_RELA_H
#define TFD_RELA_H

#include <link.h>
#include <stdint.h>

typedef ElfW(Rela) tfd_relocation;

#define TFD_PORT_RELOCATIONS DT_RELA
#define TFD_PORT_RELOCATIONS_SIZE DT_RELASZ

static inline intptr_t tfd_port_addend(uintptr_t base, const tfd_relocation *relocation)
{
    (void)base;
    return (intptr_t)relocation->r_addend;
}

#endif
