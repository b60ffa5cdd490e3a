/* SPDX-License-Identifier: MIT */
#include "slot.h"

#include "provider/provider.h"

const char *tfd_slot_provider_name(struct tfd_slot slot)
{
    return tfd_provider_of(slot.block)->name;
}

int tfd_slot_load(struct tfd_slot slot, union tfd_record *record)
{
    return tfd_provider_of(slot.block)->load(slot.block, (unsigned)slot.index, record);
}

int tfd_slot_intact(struct tfd_slot slot)
{
    return tfd_provider_of(slot.block)->intact(slot.block, (unsigned)slot.index);
}

const void *tfd_slot_in_memory(struct tfd_slot slot, const union tfd_record *record)
{
    return tfd_provider_of(slot.block)->in_memory(slot.block, (unsigned)slot.index, record);
}
