/* SPDX-License-Identifier: MIT */
/*
 * trampfd, table type: the kernel maps slots that cannot be written, and records that this process
 * can only read.  Arming a slot is a system call; a call costs the same as in the static table.
 *
 * A block owns a descriptor.  If a program closes it (daemons close all descriptors), the kernel
 * makes another one of what is mapped, and calls are not affected.  Between the check that the
 * descriptor is still ours and the request, another thread may close it and open something else
 * with the same number, which then refuses the request.
 *
 * If records have to be sealed, so are the mappings, where the kernel can do that: nothing else can
 * be mapped in their place.  They can never be unmapped then, so a block that is given back is
 * parked, with all its records dead, until the next one is needed.
 *
 * Fork: the kernel gives the child its own records, under the same descriptor number.
 */
#define _GNU_SOURCE
#include "provider.h"

#include "slot/allowed.h"
#include "arch/port.h"
#include "device.h"
#include "span.h"
#include "base/trail.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define SIZE (TRAMPFD_CODE_SIZE + TFD_RECORD_BYTES)

_Static_assert(TRAMPFD_MAX_SLOTS == TFD_SLOTS, "slots of a table");
_Static_assert(TRAMPFD_RECORD_SIZE == TFD_RECORD_SIZE, "record size");
_Static_assert(TRAMPFD_RECORDS_OFFSET == TRAMPFD_CODE_SIZE, "records follow the code");
_Static_assert(TRAMPFD_CODE_SIZE % TFD_GRANULE == 0, "the code fills granules");
_Static_assert(TFD_ALLOWED_MAX <= TRAMPFD_MAX_TABLE_PCS, "the list fits");

static const char name[] = "trampfd";

/* What a block owns. */
struct table {
    struct tfd_descriptor descriptor;
    char *start; /* of its mappings */
    struct table *next;
};

/* Sealed ones that no block uses.  Guarded by the lock. */
static struct table *parked;

/* A descriptor that accepts only records of our entries. */
static int create(struct tfd_descriptor *table, struct trampfd_trail *trail)
{
    uint64_t list[TFD_ALLOWED_MAX];
    int error = tfd_device_create(table, TRAMPFD_TABLE, tfd_providers_are_sealed(), name, trail);

    if (error)
        return error;
    error = tfd_descriptor_allow(table, list, tfd_allowed_list(TFD_ALLOWED_ALL, list));
    if (!error)
        return 0;
    tfd_descriptor_close(table);
    return tfd_trail_add(trail, name, "lock the list of entries", -error);
}

/* The right to execute is asked for, so that whoever forbids it to this process is heard. */
static int map_at(const struct tfd_descriptor *table, char *start, struct trampfd_trail *trail)
{
    const int flags = MAP_PRIVATE | MAP_FIXED;

    if (mmap(start, TRAMPFD_CODE_SIZE, PROT_READ | PROT_EXEC, flags, table->fd, TRAMPFD_CODE_OFFSET)
        == MAP_FAILED)
        return tfd_trail_add(trail, name, "mmap slots", errno);
    if (mmap(start + TRAMPFD_CODE_SIZE, TFD_RECORD_BYTES, PROT_READ, flags, table->fd,
             TRAMPFD_RECORDS_OFFSET)
        == MAP_FAILED)
        return tfd_trail_add(trail, name, "mmap records", errno);
    return 0;
}

/* A program may have closed the descriptor.  Returns 0 or a negative errno. */
static int have_descriptor(struct table *table)
{
    return tfd_descriptor_is_ours(&table->descriptor)
               ? 0
               : tfd_device_attach(&table->descriptor, table->start);
}

static int set_records(struct table *table, unsigned first, const union tfd_record *records,
                       unsigned count)
{
    struct trampfd_set_records set = {
        .first = first,
        .n = count,
        .records = (uintptr_t)records,
    };
    int error = have_descriptor(table);

    if (!error && ioctl(table->descriptor.fd, TRAMPFD_IOC_SET_RECORDS, &set))
        error = -errno;
    return error;
}

static int slots_lead_to_records(const char *start)
{
    for (size_t i = 0; i < TFD_SLOTS; i++)
        if (!tfd_port_slot_leads_to(start + i * TRAMPFD_SLOT_SIZE,
                                    start + TRAMPFD_CODE_SIZE + i * TFD_RECORD_SIZE))
            return 0;
    return 1;
}

/* A part that is sealed already stays, where something fails after it. */
static int map_slots(struct table *table, struct trampfd_trail *trail)
{
    char *start = tfd_span_reserve(SIZE);
    int error;

    if (!start)
        return tfd_trail_add(trail, name, "mmap address space", errno);
    error = map_at(&table->descriptor, start, trail);
    if (!error && !slots_lead_to_records(start))
        error = tfd_trail_add(trail, name, "look at the kernel's slots", ENOEXEC);
    if (error)
        munmap(start, SIZE);
    else
        table->start = start;
    return error;
}

static int make_table(struct table **made, struct trampfd_trail *trail)
{
    struct table *table = malloc(sizeof(*table));
    int error;

    if (!table)
        return tfd_trail_add(trail, name, "malloc", ENOMEM);
    error = create(&table->descriptor, trail);
    if (error)
        goto free_table;
    error = map_slots(table, trail);
    if (error)
        goto close_table;
    *made = table;
    return 0;

close_table:
    tfd_descriptor_close(&table->descriptor);
free_table:
    free(table);
    return error;
}

/* A parked one, or a new one. */
static int take_table(struct table **taken, struct trampfd_trail *trail)
{
    if (!parked)
        return make_table(taken, trail);
    *taken = parked;
    parked = parked->next;
    return 0;
}

static void drop_table(struct table *table)
{
    if (table->descriptor.sealed) {
        table->next = parked;
        parked = table;
        return;
    }
    munmap(table->start, SIZE);
    tfd_descriptor_close(&table->descriptor);
    free(table);
}

/*
 * The shadow of the records, which is where programs write; it is all zero.  Storing it makes the
 * kernel take the memory of all records now: beyond a limit, the next provider makes the block.
 */
static int map_shadow(struct tfd_block *block, struct table *table, struct trampfd_trail *trail)
{
    int error;

    block->shadow = (union tfd_record *)tfd_span_map_records();
    if (!block->shadow)
        return tfd_trail_add(trail, name, "mmap records", errno);
    error = set_records(table, 0, block->shadow, TFD_SLOTS);
    if (!error)
        return 0;
    munmap(block->shadow, TFD_RECORD_BYTES);
    return tfd_trail_add(trail, name, "ioctl TRAMPFD_IOC_SET_RECORDS", -error);
}

static int map(struct tfd_block *block, struct trampfd_trail *trail)
{
    struct table *table = NULL;
    int error = take_table(&table, trail);

    if (error)
        return error;
    error = map_shadow(block, table, trail);
    if (error) {
        drop_table(table);
        return error;
    }
    block->code = table->start;
    block->records = (union tfd_record *)(table->start + TRAMPFD_CODE_SIZE);
    block->provider = TFD_PROVIDER_TRAMPFD;
    block->source = TFD_TRAMPFD;
    block->slot_size = TRAMPFD_SLOT_SIZE;
    block->private = table;
    return 0;
}

static void unmap(struct tfd_block *block)
{
    munmap(block->shadow, TFD_RECORD_BYTES);
    drop_table(block->private);
}

static int store(struct tfd_block *block, unsigned index, const union tfd_record *record)
{
    return set_records(block->private, index, record, 1);
}

/* Records are written whole; every word except the entry keeps its value. */
static int disarm(struct tfd_block *block, unsigned index)
{
    union tfd_record record = block->records[index];

    record.go.entry = tfd_entry_dead;
    return store(block, index, &record);
}

static int freeze(struct tfd_block *block, unsigned index)
{
    struct table *table = block->private;
    int error = have_descriptor(table);

    return error ? error : tfd_descriptor_freeze(&table->descriptor, index, 1);
}

static void probe(struct trampfd_trail *trail)
{
    struct tfd_block block = {0};

    if (map(&block, trail))
        return;
    tfd_trail_add(trail, name, "slots and records mapped", 0);
    unmap(&block);
}

const struct tfd_provider tfd_provider_trampfd = {
    .name = name,
    .present = tfd_device_present,
    .map = map,
    .unmap = unmap,
    .store = store,
    .disarm = disarm,
    .freeze = freeze,
    .load = tfd_provider_load_from_memory,
    .in_memory = tfd_provider_record_in_memory,
    .intact = tfd_provider_slot_intact,
    .in_child = NULL,
    .probe = probe,
};
