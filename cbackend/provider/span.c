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

/* The space reserved for alignment is unmapped again. */
char *tfd_span_reserve(size_t size)
{
    size_t slack = TFD_GRANULE;
    char *start =
        mmap(NULL, size + slack, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    size_t head;

    if (start == MAP_FAILED)
        return NULL;
    head = -(size_t)start % TFD_GRANULE;
    if (head)
        munmap(start, head);
    if (slack - head)
        munmap(start + head + size, slack - head);
    return start + head;
}

static int map_records_at(char *start)
{
    return mmap(start, TFD_RECORD_BYTES, PROT_READ | PROT_WRITE,
                MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1,
                0) == MAP_FAILED
               ? -errno
               : 0;
}

char *tfd_span_map_records(void)
{
    char *start = tfd_span_reserve(TFD_RECORD_BYTES);
    int error = start ? map_records_at(start) : -errno;

    if (start && error)
        munmap(start, TFD_RECORD_BYTES);
    errno = -error;
    return error ? NULL : start;
}

int tfd_span_map(struct tfd_block *block, int fd, off_t offset, const char *source,
                 struct trampfd_trail *trail)
{
    size_t distance = records_offset();
    size_t size = distance + TFD_RECORD_BYTES;
    char *start;
    int error;

    if ((const char *)tfd_records < tfd_slots + TFD_CODE_BYTES || distance % TFD_GRANULE)
        return tfd_trail_add(trail, source, "layout of the library in memory", ENOEXEC);

    start = tfd_span_reserve(size);
    if (!start)
        return tfd_trail_add(trail, source, "mmap address space", errno);

    if (mmap(start, TFD_CODE_BYTES, PROT_READ | TFD_PORT_PROT_EXEC, MAP_PRIVATE | MAP_FIXED, fd,
             offset)
        == MAP_FAILED) {
        error = tfd_trail_add(trail, source, "mmap slots read+execute", errno);
        goto unmap_span;
    }
    if (memcmp(start, tfd_slots, TFD_CODE_BYTES)) {
        error = tfd_trail_add(trail, source, "compare mapped slots with the library's", ESTALE);
        goto unmap_span;
    }
    error = map_records_at(start + distance);
    if (error) {
        tfd_trail_add(trail, source, "mmap records", -error);
        goto unmap_span;
    }
    if (distance > TFD_CODE_BYTES)
        munmap(start + TFD_CODE_BYTES, distance - TFD_CODE_BYTES);

    block->code = start;
    block->slot_size = TFD_SLOT_SIZE;
    block->records = block->shadow = (union tfd_record *)(start + distance);
    return 0;

unmap_span:
    munmap(start, size);
    return error;
}

void tfd_span_unmap(struct tfd_block *block)
{
    munmap((void *)(uintptr_t)block->code, TFD_CODE_BYTES);
    munmap(block->records, TFD_RECORD_BYTES);
}
