/* SPDX-License-Identifier: MIT */
#include "allowed.h"

#include "arch/port.h"
#include "fatal.h"

/* Written by constructors, or under the lock. */
static struct {
    tfd_entry *entry;
    int below_stack;
} entries[TFD_ALLOWED_MAX];
static unsigned count;

void tfd_allow(tfd_entry *entry, int below_stack)
{
    for (unsigned i = 0; i < count; i++)
        if (entries[i].entry == entry)
            return;
    if (count == TFD_ALLOWED_MAX)
        tfd_fatal("more entries than TFD_ALLOWED_MAX", (const void *)(uintptr_t)entry);
    entries[count].entry = entry;
    entries[count++].below_stack = below_stack;
}

unsigned tfd_allowed_list(enum tfd_allowed which, uint64_t list[TFD_ALLOWED_MAX])
{
    unsigned length = 0;

    for (unsigned i = 0; i < count; i++)
        if (which == TFD_ALLOWED_ALL
            || entries[i].below_stack == (which == TFD_ALLOWED_BELOW_STACK))
            list[length++] = (uintptr_t)entries[i].entry;
    return length;
}

int tfd_allowed_below_stack(tfd_entry *entry)
{
    for (unsigned i = 0; i < count; i++)
        if (entries[i].entry == entry)
            return entries[i].below_stack;
    return 0;
}

__attribute__((constructor)) static void allow(void)
{
    tfd_allow(tfd_entry_dead, 0);
}
