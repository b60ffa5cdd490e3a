/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "provider.h"

#include "arch/port.h"
#include "base/trail.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int tfd_slot_intact(const struct tfd_block *block, unsigned index)
{
    return tfd_port_slot_leads_to(tfd_block_slot(block, index), &block->records[index]);
}

const void *tfd_record_in_memory(const struct tfd_block *block, unsigned index,
                                 const union tfd_record *record)
{
    (void)record;
    return &block->records[index];
}

static const struct tfd_provider *const automatic[] = {
    &tfd_provider_trampfd,
    &tfd_provider_table,
    NULL,
};

static const struct tfd_provider *const by_name[][2] = {
    {&tfd_provider_table, NULL},
    {&tfd_provider_trampfd, NULL},
    {&tfd_provider_trampfd_user, NULL},
};

const struct tfd_provider *const *tfd_provider_choose(struct trampfd_trail *trail)
{
    /* Not taken from the environment of a set-user-ID program. */
    const char *name = secure_getenv("TRAMPFD_BACKEND");

    if (!name || !*name || !strcmp(name, "auto"))
        return automatic;
    for (size_t i = 0; i < sizeof(by_name) / sizeof(*by_name); i++)
        if (!strcmp(name, by_name[i][0]->name))
            return by_name[i];
    tfd_trail_add(trail, "TRAMPFD_BACKEND",
                  "name of a provider (auto, table, trampfd, trampfd-user)", EINVAL);
    return NULL;
}

const struct tfd_provider *const *tfd_provider_present(const struct tfd_provider *const *list)
{
    while (list[1] && !(*list)->present())
        list++;
    return list;
}
