/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

/* The bytes that slots.S assembles; distances are in units of two bytes. */
struct slot {
    uint16_t larl, larl_distance[2];
    uint16_t lgrl, lgrl_distance[2];
    uint16_t br, illegal;
};

_Static_assert(sizeof(struct slot) == TFD_SLOT_SIZE, "a slot");

static void put_distance(uint16_t to[2], uintptr_t from, uintptr_t record)
{
    uint32_t distance = (uint32_t)((intptr_t)(record - from) / 2);

    to[0] = (uint16_t)(distance >> 16);
    to[1] = (uint16_t)distance;
}

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    struct slot expected = {.larl = 0xc000, .lgrl = 0xc418, .br = 0x07f1};
    uintptr_t from = (uintptr_t)slot;

    put_distance(expected.larl_distance, from, (uintptr_t)record);
    put_distance(expected.lgrl_distance, from + offsetof(struct slot, lgrl), (uintptr_t)record);
    return !memcmp(slot, &expected, sizeof(expected));
}
