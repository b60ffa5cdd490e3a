/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

/* The bytes that slots.S assembles: `lea` holds the distance from its end. */
int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    static const unsigned char start[] = {0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15};
    static const unsigned char end[] = {0x41, 0xff, 0x22, 0xcc, 0xcc};
    const char *code = slot;
    int32_t distance;

    memcpy(&distance, code + sizeof(start), sizeof(distance));
    return !memcmp(code, start, sizeof(start))
           && code + sizeof(start) + sizeof(distance) + distance == (const char *)record
           && !memcmp(code + sizeof(start) + sizeof(distance), end, sizeof(end));
}
