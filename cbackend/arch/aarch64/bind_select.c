/* SPDX-License-Identifier: MIT */
/* Which entry binds an argument on AArch64, by where the plan says that arguments arrive. */
#include "bind_entries.h"
#include "frame.h"

#include "arch/port.h"
#include "closure/plan.h"
#include "slot/allowed.h"

_Static_assert(offsetof(union tfd_record, closure.user_data) == RECORD_USER_DATA, "user_data");
_Static_assert(BIND_LAST + WORD_REGISTERS == BIND_ENTRIES, "numbers of the entries");

extern const char tfd_bind_entries[];

static tfd_entry *entry_at(size_t index)
{
    return (tfd_entry *)(uintptr_t)(tfd_bind_entries + index * BIND_ENTRY_SIZE);
}

const struct tfd_entries tfd_entries_bind = {
    .first = (uintptr_t)tfd_bind_entries,
    .count = BIND_ENTRIES,
    .size = BIND_ENTRY_SIZE,
};

static int in_registers(const struct tfd_plan *plan)
{
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->offsets[i] >= FRAME_STACK)
            return 0;
    return 1;
}

tfd_entry *tfd_port_bind_entry(const struct tfd_plan *plan, const ffi_cif *cif,
                               enum trampfd_position position)
{
    (void)cif;
    if (!in_registers(plan))
        return NULL;
    if (position == TRAMPFD_FIRST)
        return entry_at(BIND_FIRST);
    return entry_at(BIND_LAST + (size_t)(plan->offsets[plan->count - 1] - FRAME_WORDS) / TFD_WORD);
}

/*
 * ffi_call() of libffi 3.4 copies large structures to the end of the stack arguments, for which it
 * has counted the bytes of the structures but not of their addresses; and it aligns an address as
 * if it were the structure.
 */
int tfd_port_libffi_miscalls(const struct tfd_plan *plan, const ffi_cif *cif)
{
    (void)cif;
    for (unsigned i = 0; i < plan->gather_count; i++)
        if (plan->gathers[i].count == 0)
            return 1;
    return 0;
}
