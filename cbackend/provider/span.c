/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "span.h"

#include "arch/port.h"
#include "base/trail.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

/* From a slot table to its records; a multiple of TFD_GRANULE, fixed by the linker. */
static size_t records_offset(void)
{
    return (size_t)((const char *)tfd_records - tfd_slots);
}

#define HUGE_PAGE (TFD_SPAN_MOST * TFD_RECORD_BYTES)

/* `size` bytes such that what is `inside` bytes from their start is aligned. */
static char *reserve(size_t size, size_t inside, size_t alignment)
{
    char *start =
        mmap(NULL, size + alignment, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t head;

    if (start == MAP_FAILED)
        return NULL;
    head = -((size_t)start + inside) % alignment;
    if (head)
        munmap(start, head);
    if (alignment - head)
        munmap(start + head + size, alignment - head);
    return start + head;
}

char *tfd_span_reserve(size_t size)
{
    return reserve(size, 0, TFD_GRANULE);
}

static int map_records_at(char *start, size_t size)
{
    return mmap(start, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0)
                   == MAP_FAILED
               ? -errno
               : 0;
}

char *tfd_span_map_records(void)
{
    char *start = tfd_span_reserve(TFD_RECORD_BYTES);
    int error = start ? map_records_at(start, TFD_RECORD_BYTES) : -errno;

    if (start && error)
        munmap(start, TFD_RECORD_BYTES);
    errno = -error;
    return error ? NULL : start;
}

/* The code of the last copy ends before the records of the first one begin. */
static int fits(const struct tfd_span *span)
{
    size_t distance = records_offset();

    return (const char *)tfd_records >= tfd_slots + TFD_CODE_BYTES && distance % TFD_GRANULE == 0
           && distance >= (span->count - 1) * TFD_RECORD_BYTES + TFD_CODE_BYTES;
}

static int map_code(const struct tfd_span *span, int fd, off_t offset, const char *source,
                    struct trampfd_trail *trail)
{
    for (unsigned i = 0; i < span->count; i++) {
        char *code = span->code + i * TFD_RECORD_BYTES;

        if (mmap(code, TFD_CODE_BYTES, PROT_READ | TFD_PORT_PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
                 offset)
            == MAP_FAILED)
            return tfd_trail_add(trail, source, "mmap slots read+execute", errno);
        if (memcmp(code, tfd_slots, TFD_CODE_BYTES))
            return tfd_trail_add(trail, source, "compare mapped slots with the library's", ESTALE);
    }
    return 0;
}

/* What lies between the code of one copy and that of the next, or the records. */
static void unmap_gaps(const struct tfd_span *span)
{
    char *records = span->code + records_offset();

    for (unsigned i = 0; i < span->count; i++) {
        char *gap = span->code + i * TFD_RECORD_BYTES + TFD_CODE_BYTES;
        char *end = i + 1 < span->count ? gap + TFD_RECORD_BYTES - TFD_CODE_BYTES : records;

        if (gap < end)
            munmap(gap, (size_t)(end - gap));
    }
}

/* In the library itself, or anywhere; without the gaps, which are address space that others may use. */
static int find_room(struct tfd_span *span)
{
    size_t distance = records_offset();
    size_t alignment = span->count > 1 ? HUGE_PAGE : (size_t)TFD_GRANULE;

    if (!fits(span))
        return -ENOEXEC;
    span->code = tfd_arena_take(span->count, distance);
    if (span->code)
        return 0;
    span->code = reserve(distance + span->count * TFD_RECORD_BYTES, distance, alignment);
    if (!span->code)
        return -errno;
    unmap_gaps(span);
    return 0;
}

static void unmap_block(char *code)
{
    if (tfd_arena_has(code)) {
        tfd_arena_give(code, records_offset());
        return;
    }
    munmap(code, TFD_CODE_BYTES);
    munmap(code + records_offset(), TFD_RECORD_BYTES);
}

int tfd_span_map(struct tfd_span *span, int fd, off_t offset, const char *source,
                 struct trampfd_trail *trail)
{
    size_t distance = records_offset(), records = span->count * TFD_RECORD_BYTES;
    int error = find_room(span);

    if (error == -ENOEXEC)
        return tfd_trail_add(trail, source, "layout of the library in memory", ENOEXEC);
    if (error)
        return tfd_trail_add(trail, source, "mmap address space", -error);
    error = map_code(span, fd, offset, source, trail);
    if (!error) {
        error = map_records_at(span->code + distance, records);
        if (error)
            tfd_trail_add(trail, source, "mmap records", -error);
    }
    if (error) {
        for (unsigned i = 0; i < span->count; i++)
            unmap_block(span->code + i * TFD_RECORD_BYTES);
        return error;
    }
    if (span->advice)
        madvise(span->code + distance, records, span->advice);
    return 0;
}

void tfd_span_take(struct tfd_span *span, struct tfd_block *block)
{
    block->code = span->code;
    block->slot_size = TFD_SLOT_SIZE;
    block->records = block->shadow = (union tfd_record *)(span->code + records_offset());
    span->code += TFD_RECORD_BYTES;
    span->count--;
}

void tfd_span_drop(struct tfd_span *span)
{
    struct tfd_block block;

    while (span->count) {
        tfd_span_take(span, &block);
        tfd_span_unmap(&block);
    }
}

void tfd_span_unmap(struct tfd_block *block)
{
    unmap_block((char *)(uintptr_t)block->code);
}
