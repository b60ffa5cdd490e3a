/* SPDX-License-Identifier: MIT */
/*
 * The static table with records that no store of the process reaches: they are a mapping of a
 * sealed file (see sealed_file.h), and arming a slot is a system call.  Calls are those of the table.
 *
 * Where there is no such file (no memfd_create, no /proc, RLIMIT_FSIZE), the records are private
 * memory that is made writable for each store.  This stops a stray store all the same, but not one
 * at that moment, nor a program that calls mprotect(2).
 *
 * Protection keys, pkeys(7), would be cheaper than both.  They deny the records to threads that are
 * older than the key, and to all signal handlers, and both call closures.
 *
 * What the library knows of a block can be written.  So each store checks that the slot leads to the
 * record, and that the record is what was to be stored: it ends the process otherwise.
 *
 * Fork: parent and child share the file, as long as neither stores in it.  Whoever is to store makes
 * a copy first; so a child that calls exec(3) costs nothing.  Of a child that runs no handlers of
 * forks, as after clone(2), the parent does not know:  such a child sees what its parent stores,
 * until its own first store.
 */
#define _GNU_SOURCE
#include "provider.h"

#include "arch/port.h"
#include "base/fatal.h"
#include "base/lock.h"
#include "base/sealed_memory.h"
#include "base/trail.h"
#include "sealed_file.h"
#include "span.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#ifndef MADV_WIPEONFORK
#define MADV_WIPEONFORK 18 /* since Linux 4.14 */
#endif

static const char name[] = "sealed";

/* Of a block: where its records are in the file. */
struct sealed {
    struct tfd_block *block;
    struct sealed *next;
    off_t position; /* or NOT_IN_FILE */
};

#define NOT_IN_FILE (-(off_t)1)

/* To have a file that no other thread has shared by a fork. */
#define TRIES 2

/* Guarded by the lock. */
static struct {
    struct tfd_sealed_file file;
    off_t end;      /* of what is in use in the file */
    uint64_t forks; /* that were over when the file was made */
    struct sealed *all;
    char *is_own; /* 1, and 0 in a child with its parent's file; NULL: this kernel cannot tell */
} process = {.file = {.fd = -1}};

static int present(void)
{
    return 1;
}

static void note_process(void)
{
    char *page;

    if (!process.is_own) {
        page = mmap(NULL, 1, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (page == MAP_FAILED)
            return;
        if (madvise(page, 1, MADV_WIPEONFORK)) {
            munmap(page, 1);
            return;
        }
        process.is_own = page;
    }
    *process.is_own = 1;
}

static int may_be_shared(void)
{
    return tfd_forks_begun() != process.forks || (process.is_own && !*process.is_own);
}

static void make_file(struct trampfd_trail *trail)
{
    process.forks = tfd_forks_over();
    process.end = 0;
    if (!tfd_sealed_file_create(&process.file, trail))
        note_process();
}

static int put_into_file(struct sealed *this)
{
    const union tfd_record *records = this->block->records;
    int error = 0;

    if (this->block->fresh)
        error = tfd_sealed_file_write(&process.file, records, this->block->fresh * sizeof(*records),
                                      process.end);
    if (!error)
        error =
            tfd_sealed_file_map(&process.file, this->block->records, TFD_RECORD_BYTES, process.end);
    if (error)
        return error;
    this->position = process.end;
    process.end += TFD_RECORD_BYTES;
    return 0;
}

/* A copy takes the place of the mapping at once: other threads may be calling. */
static int put_into_memory(struct sealed *this)
{
    union tfd_record *records = this->block->records;
    const size_t used = this->block->fresh * sizeof(*records);
    char *copy = tfd_span_map_records();

    if (!copy)
        return -errno;
    memcpy(copy, records, used);
    if (mprotect(copy, TFD_RECORD_BYTES, PROT_READ)
        || mremap(copy, TFD_RECORD_BYTES, TFD_RECORD_BYTES, MREMAP_MAYMOVE | MREMAP_FIXED, records)
               == MAP_FAILED) {
        int error = -errno;

        munmap(copy, TFD_RECORD_BYTES);
        return error;
    }
    this->position = NOT_IN_FILE;
    return 0;
}

static int put(struct sealed *this)
{
    return process.file.fd >= 0 && !put_into_file(this) ? 0 : put_into_memory(this);
}

/* A new file with the records that slots read, in the place of one that is shared, lost or none. */
static void renew_file(struct trampfd_trail *trail)
{
    uint64_t begun;
    int tries = 0;

    /* A fork meanwhile shares the new one. */
    do {
        begun = tfd_forks_begun();
        tfd_sealed_file_close(&process.file);
        make_file(trail);
        for (struct sealed *this = process.all; this; this = this->next)
            if (this->position != NOT_IN_FILE && put(this))
                tfd_fatal("cannot copy sealed records: no memory", this->block->code);
    } while (tfd_forks_begun() != begun && ++tries < TRIES);
}

static void forget(const struct tfd_block *block)
{
    struct sealed **at = &process.all;

    while (*at && (*at)->block != block)
        at = &(*at)->next;
    if (*at)
        *at = (*at)->next;
}

/*
 * In the child of a fork that another thread was in here for, there may be a block of that thread in
 * the same memory.
 */
static int map(struct tfd_block *block, struct trampfd_trail *trail)
{
    struct sealed *this = malloc(sizeof(*this));
    int error;

    if (!this)
        return tfd_trail_add(trail, name, "malloc", ENOMEM);
    error = tfd_table_map_single(block, trail);
    if (error)
        goto free_this;
    block->shadow = (union tfd_record *)tfd_span_map_records();
    if (!block->shadow) {
        error = tfd_trail_add(trail, name, "mmap records", errno);
        goto unmap_table;
    }
    if (process.file.fd < 0 || may_be_shared())
        renew_file(trail);
    forget(block);
    *this = (struct sealed){.block = block, .next = process.all};
    error = put(this);
    if (error) {
        tfd_trail_add(trail, name, "seal the records", -error);
        goto unmap_shadow;
    }
    block->provider = TFD_PROVIDER_SEALED;
    block->private = this;
    process.all = this;
    return 0;

unmap_shadow:
    munmap(block->shadow, TFD_RECORD_BYTES);
unmap_table:
    tfd_provider_table.unmap(block);
free_this:
    free(this);
    return error;
}

static void unmap(struct tfd_block *block)
{
    struct sealed *this = block->private;

    forget(block);
    tfd_provider_table.unmap(block);
    munmap(block->shadow, TFD_RECORD_BYTES);
    if (this->position != NOT_IN_FILE && !may_be_shared())
        tfd_sealed_file_drop(&process.file, this->position, TFD_RECORD_BYTES);
    free(this);
}

static int store_at(const struct sealed *this, size_t offset, const void *data, size_t size)
{
    if (this->position == NOT_IN_FILE)
        return tfd_sealed_memory_store((char *)this->block->records + offset, data, size);
    return tfd_sealed_file_write(&process.file, data, size, this->position + (off_t)offset);
}

/* `size` bytes at an offset in the records of a block. */
static int store_bytes(struct tfd_block *block, size_t offset, const void *data, size_t size)
{
    struct sealed *this = block->private;
    int error;

    if (this->position != NOT_IN_FILE && may_be_shared())
        renew_file(NULL);
    error = store_at(this, offset, data, size);
    if (error == -EBADF) {
        renew_file(NULL);
        error = store_at(this, offset, data, size);
    }
    if (error && this->position != NOT_IN_FILE) {
        error = put_into_memory(this);
        if (!error)
            error = store_at(this, offset, data, size);
    }
    return error;
}

static void check(const struct tfd_block *block, unsigned index, const void *stored, size_t size)
{
    const void *slot = tfd_block_slot(block, index);
    const union tfd_record *record = &block->records[index];

    if (!tfd_port_slot_leads_to(slot, record) || memcmp(record, stored, size))
        tfd_fatal("what the library knows of its closures was overwritten", slot);
}

#define FIRST_WORD sizeof(uintptr_t)

/* The entry comes last where a call may be reading. */
static int store(struct tfd_block *block, unsigned index, const union tfd_record *record)
{
    size_t offset = index * sizeof(*record);
    int error;

    if (block->records[index].go.entry == tfd_entry_dead) {
        error = store_bytes(block, offset, record, sizeof(*record));
    } else {
        error = store_bytes(block, offset + FIRST_WORD, &record->words[1],
                            sizeof(*record) - FIRST_WORD);
        if (!error)
            error = store_bytes(block, offset, record, FIRST_WORD);
    }
    if (!error)
        check(block, index, record, sizeof(*record));
    return error;
}

/* Those that were never used, by the dozen. */
#define AT_ONCE 64

static int disarm_fresh(struct tfd_block *block, unsigned index)
{
    union tfd_record dead[AT_ONCE] = {0};
    unsigned count = 0;

    while (count < AT_ONCE && index + count < TFD_SLOTS && !block->records[index + count].go.entry)
        dead[count++].go.entry = tfd_entry_dead;
    return store_bytes(block, index * sizeof(*dead), dead, count * sizeof(*dead));
}

static int disarm(struct tfd_block *block, unsigned index)
{
    static tfd_entry *const dead = tfd_entry_dead;
    tfd_entry *entry = block->records[index].go.entry;
    int error = 0;

    if (!entry)
        error = disarm_fresh(block, index);
    else if (entry != dead)
        error = store_bytes(block, index * sizeof(union tfd_record), &dead, sizeof(dead));
    if (!error)
        check(block, index, &dead, sizeof(dead));
    return error;
}

static void probe(struct trampfd_trail *trail)
{
    struct tfd_sealed_file file;
    char *place = tfd_span_map_records();

    tfd_provider_table.probe(trail);
    if (!place) {
        tfd_trail_add(trail, name, "mmap records", errno);
        return;
    }
    if (!tfd_sealed_file_create(&file, trail)) {
        tfd_trail_add(trail, name, "map a sealed file",
                      -tfd_sealed_file_map(&file, place, TFD_RECORD_BYTES, 0));
        tfd_sealed_file_close(&file);
    }
    munmap(place, TFD_RECORD_BYTES);
}

const struct tfd_provider tfd_provider_sealed = {
    .name = name,
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
