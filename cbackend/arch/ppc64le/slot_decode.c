/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

/* The instructions that slots.S assembles, without what tells one slot from another. */
static const uint32_t instructions[TFD_SLOT_SIZE / 4] = {
    0x3d6c0000, /* addis r11, r12, bits 16 to 31 of the distance */
    0x396b0000, /* addi  r11, r11, bits 0 to 15, with a sign */
    0xe98b0000, /* ld    r12, 0(r11) */
    0x7d806278, /* xor   r0, r12, r12 */
    0x7d6b0214, /* add   r11, r11, r0 */
    0x7d8903a6, /* mtctr r12 */
    0x4e800420, /* bctr */
};

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    uint32_t distance = (uint32_t)((uintptr_t)record - (uintptr_t)slot);
    uint32_t expected[TFD_SLOT_SIZE / 4];

    memcpy(expected, instructions, sizeof(expected));
    expected[0] |= (distance + 0x8000) >> 16;
    expected[1] |= distance & 0xffff;
    return !memcmp(slot, expected, sizeof(expected));
}
