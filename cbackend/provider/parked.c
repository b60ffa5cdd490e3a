/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "parked.h"

#include "arch/port.h"
#include "span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct parked {
    const char *code;
    union tfd_record *records;
    enum tfd_source source;
    struct parked *next;
};

static struct parked *parked;
static union tfd_record *dead;

static int make_dead(void)
{
    union tfd_record *records;

    if (dead)
        return 0;
    records =
        mmap(NULL, TFD_RECORD_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (records == MAP_FAILED)
        return -errno;
    records->go.entry = tfd_entry_dead;
    for (size_t have = 1; have < TFD_SLOTS; have *= 2)
        memcpy(records + have, records, have * sizeof(*records));
    if (mprotect(records, TFD_RECORD_BYTES, PROT_READ)) {
        int error = -errno;

        munmap(records, TFD_RECORD_BYTES);
        return error;
    }
    dead = records;
    return 0;
}

/* mremap(2) of no bytes of a shared mapping maps the same memory once more. */
int tfd_park(const struct tfd_block *block)
{
    int error = make_dead();
    struct parked *place = error ? NULL : malloc(sizeof(*place));

    if (error)
        return error;
    if (!place)
        return -ENOMEM;
    if (mremap(dead, 0, TFD_RECORD_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, block->records)
        == MAP_FAILED) {
        error = -errno;
        free(place);
        return error;
    }
    *place = (struct parked){block->code, block->records, block->source, parked};
    parked = place;
    return 0;
}

/*
 * The new records are mapped elsewhere first: some kernels leave a hole where they cannot replace a
 * mapping by fresh memory.
 */
static int move_fresh_records_to(union tfd_record *records)
{
    char *fresh = tfd_span_map_records();
    int error;

    if (!fresh)
        return -errno;
    if (mremap(fresh, TFD_RECORD_BYTES, TFD_RECORD_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, records)
        != MAP_FAILED)
        return 0;
    error = -errno;
    munmap(fresh, TFD_RECORD_BYTES);
    return error;
}

int tfd_unpark(struct tfd_block *block)
{
    struct parked *place = parked;
    int error = place ? move_fresh_records_to(place->records) : -ENOENT;

    if (error)
        return error;
    parked = place->next;
    block->code = place->code;
    block->slot_size = TFD_SLOT_SIZE;
    block->records = block->shadow = place->records;
    block->source = place->source;
    free(place);
    return 0;
}
