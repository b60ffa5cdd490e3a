/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

enum { PAGE = 4096 }; /* of `adrp`, whatever that of the kernel is */

/* The instructions that slots.S assembles, without what tells one slot from another. */
static const uint32_t instructions[TFD_SLOT_SIZE / 4] = {
    0xd503245f, /* bti  c */
    0x90000010, /* adrp x16, distance in pages: bits 29 to 30 and 5 to 23, lower ones first */
    0x91000212, /* add  x18, x16, bits 10 to 21 */
    0xc8dffe50, /* ldar x16, [x18] */
    0xd61f0200, /* br   x16 */
};

static uint32_t adrp(intptr_t pages)
{
    return ((uint32_t)pages & 3) << 29 | ((uint32_t)(pages >> 2) & 0x7ffff) << 5;
}

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    uintptr_t from = (uintptr_t)slot, to = (uintptr_t)record;
    uint32_t expected[TFD_SLOT_SIZE / 4];

    memcpy(expected, instructions, sizeof(expected));
    expected[1] |= adrp((intptr_t)(to / PAGE - from / PAGE));
    expected[2] |= (uint32_t)(to % PAGE) << 10;
    return !memcmp(slot, expected, sizeof(expected));
}
