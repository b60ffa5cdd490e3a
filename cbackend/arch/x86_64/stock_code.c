/* SPDX-License-Identifier: MIT */
#include "arch/port.h"
#include "frame.h"
#include "slot/allowed.h"

#include <string.h>

/* endbr64; lea -11(%rip),%r10; jmp *7(%rip) and padding, then the address that is jumped to. */
static const unsigned char written[] = {
    0xf3, 0x0f, 0x1e, 0xfa, 0x4c, 0x8d, 0x15, 0xf5, 0xff, 0xff, 0xff, 0xff, 0x25, 0x07, 0x00, 0x00,
};

#define TARGET 24

/* libffi 3.3 and before had no landing pad: lea -7(%rip),%r10; jmp *3(%rip) */
static const unsigned char written_by_3_3[] = {
    0x4c, 0x8d, 0x15, 0xf9, 0xff, 0xff, 0xff, 0xff, 0x25, 0x03, 0x00, 0x00, 0x00,
};

#define TARGET_3_3 16

/* In foreign_entry.S, which compares with the same bytes. */
extern tfd_entry tfd_entry_foreign;

tfd_entry *const tfd_port_foreign = tfd_entry_foreign;

_Static_assert(offsetof(union tfd_record, closure.user_data) == RECORD_USER_DATA, "user_data");

static const void *address_at(const char *closure, size_t offset)
{
    const void *address;

    memcpy(&address, closure + offset, sizeof(address));
    return address;
}

const void *tfd_port_stock_code_target(const void *closure)
{
    if (!memcmp(closure, written, sizeof(written)))
        return address_at(closure, TARGET);
    if (!memcmp(closure, written_by_3_3, sizeof(written_by_3_3)))
        return address_at(closure, TARGET_3_3);
    return NULL;
}

const struct tfd_entries tfd_entries_foreign = {
    .first = (uintptr_t)tfd_entry_foreign,
    .count = 1,
};
