/* SPDX-License-Identifier: MIT */
#include "arch/port.h"

#include <string.h>

/* The bytes that slots.S assembles: `lea` holds the distance from itself. */
int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    static const unsigned char start[] = {0xe8, 0x08, 0, 0, 0, 0x8d, 0x89};
    static const unsigned char end[] = {0xff, 0x21, 0x8b, 0x0c, 0x24, 0xc3};
    enum { LEA = 5, END = sizeof(start) + sizeof(int32_t) };
    unsigned char expected[TFD_SLOT_SIZE];
    int32_t distance = (int32_t)((uintptr_t)record - ((uintptr_t)slot + LEA));

    memset(expected, 0xcc, sizeof(expected));
    memcpy(expected, start, sizeof(start));
    memcpy(expected + sizeof(start), &distance, sizeof(distance));
    memcpy(expected + END, end, sizeof(end));
    return !memcmp(slot, expected, sizeof(expected));
}
