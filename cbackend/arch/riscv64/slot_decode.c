/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

/* The instructions that slots.S assembles, without what tells one slot from another. */
static const uint32_t instructions[TFD_SLOT_SIZE / 4] = {
    0x00000397, /* auipc t2, bits 12 to 31 of the distance */
    0x00038393, /* addi  t2, t2, bits 0 to 11, with a sign */
    0x0003b303, /* ld    t1, (t2) */
    0x00634e33, /* xor   t3, t1, t1 */
    0x01c383b3, /* add   t2, t2, t3 */
    0x00030067, /* jr    t1 */
};

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    uint32_t distance = (uint32_t)((uintptr_t)record - (uintptr_t)slot);
    uint32_t expected[TFD_SLOT_SIZE / 4];

    memcpy(expected, instructions, sizeof(expected));
    expected[0] |= (distance + 0x800) & 0xfffff000;
    expected[1] |= distance << 20;
    return !memcmp(slot, expected, sizeof(expected));
}
