/* SPDX-License-Identifier: MIT */
#include "arch/port.h"
#include "uapi/linux/trampfd.h"

#include <string.h>

enum { PAGE = 4096 }; /* of `adrp`, whatever that of the kernel is */

/* Instructions, without what tells one slot from another. */
enum {
    BTI_C = 0xd503245f,
    ADRP_X16 = 0x90000010,    /* distance in pages: bits 29 to 30 and 5 to 23, lower ones first */
    ADD_X18_X16 = 0x91000212, /* bits 10 to 21 */
    ADR_X18 = 0x10000012,     /* distance in bytes, in the same bits */
    LDAR_X16_X18 = 0xc8dffe50,
    BR_X16 = 0xd61f0200,
};

static uint32_t distance_bits(intptr_t distance)
{
    return ((uint32_t)distance & 3) << 29 | ((uint32_t)(distance >> 2) & 0x7ffff) << 5;
}

/* Those that slots.S assembles. */
static int is_own(const void *slot, uintptr_t from, uintptr_t to)
{
    const uint32_t expected[TFD_SLOT_SIZE / 4] = {
        BTI_C,
        ADRP_X16 | distance_bits((intptr_t)(to / PAGE - from / PAGE)),
        ADD_X18_X16 | (uint32_t)(to % PAGE) << 10,
        LDAR_X16_X18,
        BR_X16,
    };

    return !memcmp(slot, expected, sizeof(expected));
}

/* Those of the kernel, whose records are near. */
static int is_of_kernel(const void *slot, uintptr_t from, uintptr_t to)
{
    const uint32_t expected[TRAMPFD_SLOT_SIZE / 4] = {
        BTI_C,
        ADR_X18 | distance_bits((intptr_t)(to - from - sizeof(uint32_t))),
        LDAR_X16_X18,
        BR_X16,
    };

    return !memcmp(slot, expected, sizeof(expected));
}

int tfd_port_slot_leads_to(const void *slot, const void *record)
{
    uintptr_t from = (uintptr_t)slot, to = (uintptr_t)record;

    return is_of_kernel(slot, from, to) || is_own(slot, from, to);
}
