/* SPDX-License-Identifier: MIT */
/*
 * The static table: slots are pages of the library's own file, records are plain
 * private memory of the process.  Arming a slot is a store.
 *
 * A process that has many blocks gets the next ones by the dozen, in one span, as fresh memory is
 * most of the time that many closures take.  The records of a span are in a huge page, where the
 * kernel has one; after many such pages, in small ones that the kernel is asked for all at once.
 * In a virtual machine whose host takes back free memory, only so many huge pages are cheap: the
 * host has to fill each anew.  A span has no more memory than the process has in use by then.
 */
#define _GNU_SOURCE
#include "provider.h"

#include "arch/port.h"
#include "parked.h"
#include "source.h"
#include "base/trail.h"

#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23 /* since Linux 5.14; older kernels refuse it */
#endif

/* Up to so many blocks there are huge pages: 64 MiB of them. */
#define HUGE_MOST 256

/*
 * The records of the built-in slots.  Address space before them, which is never used, keeps them so
 * far from the slots that the code of a whole span lies between its first slot and its records.
 */
#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define BYTES TEXT(TFD_SLOTS) " * " TEXT(TFD_RECORD_SIZE)

__asm__(
    ".pushsection .bss.tfd_records, \"aw\", %nobits\n"
    ".balign " TEXT(TFD_GRANULE) "\n"
                                 ".skip " TEXT(TFD_SPAN_MOST) " * " BYTES "\n"
                                                              ".globl tfd_records\n"
                                                              ".hidden tfd_records\n"
                                                              ".type tfd_records, %object\n"
                                                              "tfd_records:\n"
                                                              ".skip " BYTES "\n"
                                                              ".size tfd_records, . - tfd_records\n"
                                                              ".popsection\n");

/* Guarded by the lock. */
static struct {
    unsigned blocks;      /* mapped now */
    struct tfd_span rest; /* of the newest span, to become blocks */
    enum tfd_source source;
} spans;

static int present(void)
{
    return 1;
}

static int map_span(struct tfd_span span, struct trampfd_trail *trail)
{
    enum tfd_source source = TFD_OWN_FILE;
    int error = tfd_source_own_file(&span, trail);

    if (error) {
        source = TFD_MEMFD;
        error = tfd_source_memfd(&span, trail);
    }
    if (error)
        return error;
    spans.source = source;
    spans.rest = span;
    return 0;
}

static int map_single_span(const struct tfd_block *block, struct trampfd_trail *trail)
{
    (void)block;
    return map_span((struct tfd_span){.count = 1}, trail);
}

static int advice_for(const struct tfd_block *block)
{
    if (spans.blocks < HUGE_MOST)
        return MADV_HUGEPAGE;
    return block->is_ahead ? 0 : MADV_POPULATE_WRITE;
}

/* A large span, or a small one if that fails. */
static int map_next_span(const struct tfd_block *block, struct trampfd_trail *trail)
{
    struct trampfd_trail unused = {.count = 0};

    if (spans.blocks >= TFD_SPAN_MOST
        && !map_span((struct tfd_span){.count = TFD_SPAN_MOST, .advice = advice_for(block)},
                     &unused))
        return 0;
    return map_single_span(block, trail);
}

static void take_built_in(struct tfd_block *block)
{
    block->code = tfd_slots;
    block->slot_size = TFD_SLOT_SIZE;
    block->records = block->shadow = tfd_records;
}

static void take_from_span(struct tfd_block *block)
{
    block->source = spans.source;
    tfd_span_take(&spans.rest, block);
    spans.blocks++;
}

static int map_from(int (*map_next)(const struct tfd_block *, struct trampfd_trail *),
                    struct tfd_block *block, struct trampfd_trail *trail)
{
    int error = 0;

    block->provider = TFD_PROVIDER_TABLE;
    if (block->source == TFD_BUILT_IN)
        take_built_in(block);
    else if (!tfd_unpark(block))
        spans.blocks++;
    else if (spans.rest.count || !(error = map_next(block, trail)))
        take_from_span(block);
    return error;
}

static int map(struct tfd_block *block, struct trampfd_trail *trail)
{
    return map_from(map_next_span, block, trail);
}

int tfd_table_map_single(struct tfd_block *block, struct trampfd_trail *trail)
{
    return map_from(map_single_span, block, trail);
}

/* Nothing but slots is kept for more blocks by a process that has one less. */
static void unmap(struct tfd_block *block)
{
    if (block->source == TFD_BUILT_IN)
        return;
    if (tfd_park(block))
        tfd_span_unmap(block);
    spans.blocks--;
    tfd_span_drop(&spans.rest);
}

/* A span that was being changed is left alone. */
void tfd_table_in_child(int torn)
{
    if (torn)
        spans.rest.count = 0;
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

static void probe(struct trampfd_trail *trail)
{
    struct tfd_span span = {.count = 1};

    tfd_trail_add(trail, "built in", "slots in the library's text", 0);
    if (!tfd_source_own_file(&span, trail)) {
        tfd_trail_add(trail, "own file", "mapped and compared", 0);
        tfd_span_drop(&span);
    }
    span.count = 1;
    if (!tfd_source_memfd(&span, trail)) {
        tfd_trail_add(trail, "memfd", "sealed, mapped and compared", 0);
        tfd_span_drop(&span);
    }
}

const struct tfd_provider tfd_provider_table = {
    .name = "table",
    .present = present,
    .map = map,
    .unmap = unmap,
    .store = store,
    .disarm = disarm,
    .load = tfd_provider_load_from_memory,
    .in_memory = tfd_provider_record_in_memory,
    .intact = tfd_provider_slot_intact,
    .in_child = NULL,
    .probe = probe,
};
