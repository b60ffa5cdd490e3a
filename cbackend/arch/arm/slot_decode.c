/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

/* The instructions that slots.S assembles, and the distance from its own place. */
int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    enum { DISTANCE = 3 };
    uint32_t expected[TFD_SLOT_SIZE / 4] = {
        0xe59fc004, /* ldr ip, [pc, 4] */
        0xe08cc00f, /* add ip, ip, pc */
        0xe59cf000, /* ldr pc, [ip] */
    };

    expected[DISTANCE] = (uint32_t)record - ((uint32_t)slot + DISTANCE * 4);
    return !memcmp(slot, expected, sizeof(expected));
}
