/* SPDX-License-Identifier: MIT */
/*
 * Relocations whose addend lies in the word that they change: once it is changed it is not known.
 */
#ifndef TFD_REL_H
#define TFD_REL_H

#include <link.h>
#include <stdint.h>

typedef ElfW(Rel) tfd_relocation;

#define TFD_PORT_RELOCATIONS DT_REL
#define TFD_PORT_RELOCATIONS_SIZE DT_RELSZ

/* Compilers give the address of a function no addend. */
static inline intptr_t tfd_port_addend(uintptr_t base, const tfd_relocation *relocation)
{
    (void)base;
    (void)relocation;
    return 0;
}

#endif
