/* SPDX-License-Identifier: MIT */
/* For ports whose libffi writes two words and then the address; their stock_code.h has the words. */
#include "arch/port.h"
#include "frame.h"
#include "slot/allowed.h"
#include "stock_code.h"

#include <string.h>

/* In foreign_entry.S. */
extern tfd_entry tfd_entry_foreign;

tfd_entry *const tfd_port_foreign = tfd_entry_foreign;

_Static_assert(offsetof(union tfd_record, closure.user_data) == RECORD_USER_DATA, "user_data");

const void *tfd_port_stock_code_target(const void *closure)
{
    const char *code = closure;
    const void *target;
    uint64_t start;
    uint32_t jump;

    memcpy(&start, code, sizeof(start));
    memcpy(&jump, code + sizeof(start), sizeof(jump));
    memcpy(&target, code + STOCK_TARGET, sizeof(target));
    return start == STOCK_START && jump == STOCK_JUMP ? target : NULL;
}

const struct tfd_entries tfd_entries_foreign = {
    .first = (uintptr_t)tfd_entry_foreign,
    .count = 1,
};
