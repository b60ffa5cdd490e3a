/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "provider.h"

#include "arch/port.h"
#include "base/trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tfd_provider_slot_intact(const struct tfd_block *block, unsigned index)
{
    return tfd_port_slot_leads_to(tfd_block_slot(block, index), &block->records[index]);
}

const void *tfd_provider_record_in_memory(const struct tfd_block *block, unsigned index,
                                          const union tfd_record *record)
{
    (void)record;
    return &block->records[index];
}

static const struct tfd_provider *const all[] = {
    &tfd_provider_table,
    &tfd_provider_trampfd,
    &tfd_provider_trampfd_user,
};

/* The environment of a set-user-ID program is ignored. */
static const char *setting(void)
{
    const char *value = secure_getenv("TRAMPFD_PROVIDER");

    if (!value || !*value)
        value = secure_getenv("TRAMPFD_BACKEND");
    return value && *value ? value : "auto";
}

struct tfd_providers tfd_providers_asked_for(struct trampfd_trail *trail)
{
    const char *name = setting();

    if (!strcmp(name, "auto"))
        return (struct tfd_providers){2, {&tfd_provider_trampfd, &tfd_provider_table}};
    for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
        if (!strcmp(name, all[i]->name))
            return (struct tfd_providers){1, {all[i]}};
    tfd_trail_add(trail, "TRAMPFD_PROVIDER",
                  "name of a provider (auto, table, trampfd, trampfd-user)", EINVAL);
    return (struct tfd_providers){0};
}

struct tfd_providers tfd_providers_present(struct tfd_providers asked_for)
{
    struct tfd_providers present = {0};

    for (unsigned i = 0; i < asked_for.count; i++)
        if (asked_for.list[i]->present() || (i + 1 == asked_for.count && !present.count))
            present.list[present.count++] = asked_for.list[i];
    return present;
}
