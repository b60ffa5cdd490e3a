/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "provider.h"

#include "arch/port.h"
#include "base/sealed.h"
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

const struct tfd_provider *const tfd_provider_list[TFD_PROVIDERS] = {
    [TFD_PROVIDER_TABLE] = &tfd_provider_table,
    [TFD_PROVIDER_SEALED] = &tfd_provider_sealed,
    [TFD_PROVIDER_TRAMPFD] = &tfd_provider_trampfd,
    [TFD_PROVIDER_TRAMPFD_USER] = &tfd_provider_trampfd_user,
};

int tfd_provider_load_from_memory(const struct tfd_block *block, unsigned index,
                                  union tfd_record *record)
{
    tfd_record_load(record, &block->records[index]);
    return 0;
}

/* The environment of a set-user-ID program is ignored. */
static const char *setting(void)
{
    const char *value = secure_getenv("TRAMPFD_PROVIDER");

    if (!value || !*value)
        value = secure_getenv("TRAMPFD_BACKEND");
    return value && *value ? value : "auto";
}

/* No store takes it back, nor does a change of the environment. */
static TFD_SEALED(struct { int seals; }) asked;

void tfd_providers_seal(void)
{
    if (asked.is.seals)
        return;
    asked.is.seals = 1;
    tfd_seal(&asked);
}

int tfd_providers_are_sealed(void)
{
    return asked.is.seals;
}

/* 0, or -1 if it is not a value that the setting has. */
static int read_seal_setting(const char *provider)
{
    const char *value = secure_getenv("TRAMPFD_SEAL");

    if (value && *value && strcmp(value, "0") && strcmp(value, "1"))
        return -1;
    if ((value && *value == '1') || !strcmp(provider, tfd_provider_sealed.name))
        tfd_providers_seal();
    return 0;
}

static enum tfd_provider_number table_or_sealed(void)
{
    return asked.is.seals ? TFD_PROVIDER_SEALED : TFD_PROVIDER_TABLE;
}

struct tfd_providers tfd_providers_asked_for(struct trampfd_trail *trail)
{
    const char *name = setting();

    if (!TFD_PORT_HAS_SLOTS) {
        tfd_trail_add(trail, "table", "no static table for this architecture", ENOSYS);
        return (struct tfd_providers){0};
    }
    if (read_seal_setting(name)) {
        tfd_trail_add(trail, "TRAMPFD_SEAL", "0 or 1", EINVAL);
        return (struct tfd_providers){0};
    }
    if (!strcmp(name, "auto"))
        return (struct tfd_providers){2, {TFD_PROVIDER_TRAMPFD, table_or_sealed()}};
    for (enum tfd_provider_number i = 0; i < TFD_PROVIDERS; i++)
        if (!strcmp(name, tfd_provider_list[i]->name))
            return (struct tfd_providers){1, {i == TFD_PROVIDER_TABLE ? table_or_sealed() : i}};
    tfd_trail_add(trail, "TRAMPFD_PROVIDER",
                  "name of a provider (auto, table, sealed, trampfd, trampfd-user)", EINVAL);
    return (struct tfd_providers){0};
}

struct tfd_providers tfd_providers_present(struct tfd_providers asked_for)
{
    struct tfd_providers present = {0};

    for (unsigned i = 0; i < asked_for.count; i++)
        if (tfd_provider_list[asked_for.list[i]]->present()
            || (i + 1 == asked_for.count && !present.count))
            present.list[present.count++] = asked_for.list[i];
    return present;
}
