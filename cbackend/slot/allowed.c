/* SPDX-License-Identifier: MIT */
#include "allowed.h"

#include "arch/port.h"
#include "base/fatal.h"
#include "base/sealed.h"

#define FOUND_MAX 16

const struct tfd_entries tfd_entries_dead = {.first = (uintptr_t)tfd_entry_dead, .count = 1};

static const struct tfd_entries *const known[] = {
    &tfd_entries_dead,  &tfd_entries_plan,    &tfd_entries_bind,
    &tfd_entries_chain, &tfd_entries_context, &tfd_entries_foreign,
};
#define KNOWN (sizeof(known) / sizeof(*known))

static TFD_SEALED(struct {
    unsigned count;
    uintptr_t list[FOUND_MAX];
}) found;

static uintptr_t entry_at(const struct tfd_entries *entries, unsigned index)
{
    return entries->first + (uintptr_t)index * entries->size;
}

static int contains(const uintptr_t *list, unsigned count, uintptr_t entry)
{
    for (unsigned i = 0; i < count; i++)
        if (list[i] == entry)
            return 1;
    return 0;
}

void tfd_allow_found(const uintptr_t *entries, unsigned count)
{
    unsigned added = 0;

    if (!count || found.is.count)
        return;
    for (unsigned i = 0; i < count; i++) {
        if (contains(found.is.list, added, entries[i]))
            continue;
        if (added == FOUND_MAX)
            tfd_fatal("libffi has more entries than FOUND_MAX", (const void *)entries[i]);
        found.is.list[added++] = entries[i];
    }
    found.is.count = added;
    tfd_seal(&found);
}

int tfd_allowed_is_found(tfd_entry *entry)
{
    return contains(found.is.list, found.is.count, (uintptr_t)entry);
}

static unsigned add(uint64_t list[TFD_ALLOWED_MAX], unsigned length, uintptr_t entry)
{
    if (length == TFD_ALLOWED_MAX)
        tfd_fatal("more entries than TFD_ALLOWED_MAX", (const void *)entry);
    list[length] = entry;
    return length + 1;
}

unsigned tfd_allowed_list(enum tfd_allowed which, uint64_t list[TFD_ALLOWED_MAX])
{
    unsigned length = 0;

    for (size_t i = 0; i < KNOWN; i++)
        if (known[i]
            && (which == TFD_ALLOWED_ALL
                || known[i]->below_stack == (which == TFD_ALLOWED_BELOW_STACK)))
            for (unsigned j = 0; j < known[i]->count; j++)
                length = add(list, length, entry_at(known[i], j));
    if (which != TFD_ALLOWED_BELOW_STACK)
        for (unsigned i = 0; i < found.is.count; i++)
            length = add(list, length, found.is.list[i]);
    return length;
}

int tfd_allowed_below_stack(tfd_entry *entry)
{
    for (size_t i = 0; i < KNOWN; i++)
        for (unsigned j = 0; known[i] && known[i]->below_stack && j < known[i]->count; j++)
            if (entry_at(known[i], j) == (uintptr_t)entry)
                return 1;
    return 0;
}
