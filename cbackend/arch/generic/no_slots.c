/* SPDX-License-Identifier: MIT */
/*
 * A CPU without slots: what stands in their place is never called, because providers refuse to make
 * blocks of them (see provider/provider.c).
 */
#include "arch/port.h"

#include <stdlib.h>

/* Not read either: takes address space, and no room in the file. */
__attribute__((section(".bss.tfd_slots"), aligned(TFD_GRANULE)))
const char tfd_slots[TFD_CODE_BYTES];

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    (void)slot;
    (void)record;
    return 0;
}

void tfd_entry_dead(void)
{
    abort();
}

void tfd_entry_chain(void)
{
    abort();
}
