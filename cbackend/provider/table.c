/* SPDX-License-Identifier: MIT */
/*
 * The static table: slots are pages of the library's own file, records are plain
 * private memory of the process.  Arming a slot is a store.
 */
#include "provider.h"

#include "arch/port.h"
#include "source.h"
#include "span.h"
#include "base/trail.h"

union tfd_record tfd_records[TFD_SLOTS] __attribute__((aligned(TFD_GRANULE)));

static int present(void)
{
    return 1;
}

static int map(struct tfd_block *block, struct trampfd_trail *trail)
{
    int error;

    block->provider = &tfd_provider_table;
    if (block->source == TFD_BUILT_IN) {
        block->code = tfd_slots;
        block->slot_size = TFD_SLOT_SIZE;
        block->records = block->shadow = tfd_records;
        return 0;
    }
    block->source = TFD_OWN_FILE;
    error = tfd_source_own_file(block, trail);
    if (error) {
        block->source = TFD_MEMFD;
        error = tfd_source_memfd(block, trail);
    }
    return error;
}

static void unmap(struct tfd_block *block)
{
    if (block->source != TFD_BUILT_IN)
        tfd_span_unmap(block);
}

static int store(struct tfd_block *block, unsigned index, const union tfd_record *record)
{
    tfd_record_store(&block->records[index], record);
    return 0;
}

static int disarm(struct tfd_block *block, unsigned index)
{
    __atomic_store_n(&block->records[index].go.entry, tfd_entry_dead, __ATOMIC_RELEASE);
    return 0;
}

static int load(const struct tfd_block *block, unsigned index, union tfd_record *record)
{
    *record = block->records[index];
    return 0;
}

static void probe(struct trampfd_trail *trail)
{
    struct tfd_block block = {0};

    tfd_trail_add(trail, "built in", "slots in the library's text", 0);
    if (!tfd_source_own_file(&block, trail)) {
        tfd_trail_add(trail, "own file", "mapped and compared", 0);
        tfd_span_unmap(&block);
    }
    if (!tfd_source_memfd(&block, trail)) {
        tfd_trail_add(trail, "memfd", "sealed, mapped and compared", 0);
        tfd_span_unmap(&block);
    }
}

const struct tfd_provider tfd_provider_table = {
    .name = "table",
    .is_plain = 1,
    .present = present,
    .map = map,
    .unmap = unmap,
    .store = store,
    .disarm = disarm,
    .load = load,
    .in_memory = tfd_provider_record_in_memory,
    .intact = tfd_provider_slot_intact,
    .in_child = NULL,
    .probe = probe,
};
