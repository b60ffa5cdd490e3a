/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

enum { PAGE = 4096 }; /* of `pcalau12i`, whatever that of the kernel is */

/* The instructions that slots.S assembles, without what tells one slot from another. */
static const uint32_t instructions[TFD_SLOT_SIZE / 4] = {
    0x1a00000e, /* pcalau12i $t2, distance in pages: bits 5 to 24 */
    0x02c001ce, /* addi.d    $t2, $t2, bits 10 to 21, with a sign */
    0x28c001cd, /* ld.d      $t1, $t2, 0 */
    0x0015b5af, /* xor       $t3, $t1, $t1 */
    0x0010bdce, /* add.d     $t2, $t2, $t3 */
    0x4c0001a0, /* jr        $t1 */
};

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    uintptr_t from = (uintptr_t)slot, to = (uintptr_t)record;
    uint32_t pages = (uint32_t)((to + PAGE / 2) / PAGE - from / PAGE);
    uint32_t expected[TFD_SLOT_SIZE / 4];

    memcpy(expected, instructions, sizeof(expected));
    expected[0] |= (pages & 0xfffff) << 5;
    expected[1] |= (uint32_t)(to % PAGE) << 10;
    return !memcmp(slot, expected, sizeof(expected));
}
