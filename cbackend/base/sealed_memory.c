/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sealed_memory.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>

/* At a time; all page sizes divide it. */
#define CHUNK ((size_t)65536)

static struct {
    char *start;
    size_t used;
} chunk;

void *tfd_sealed_memory_get(size_t size)
{
    const size_t rounded = (size + TFD_SEALED_MEMORY_ALIGNMENT - 1) & -TFD_SEALED_MEMORY_ALIGNMENT;
    char *start;

    if (size > CHUNK)
        return NULL;
    if (!chunk.start || rounded > CHUNK - chunk.used) {
        start = mmap(NULL, CHUNK, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (start == MAP_FAILED)
            return NULL;
        chunk.start = start;
        chunk.used = 0;
    }
    chunk.used += rounded;
    return chunk.start + chunk.used - rounded;
}

int tfd_sealed_memory_store(void *room, const void *data, size_t size)
{
    const size_t page = getauxval(AT_PAGESZ);
    char *start = (char *)((uintptr_t)room & -page);
    size_t length = (size_t)((char *)room + size - start);

    if (mprotect(start, length, PROT_READ | PROT_WRITE))
        return -errno;
    memcpy(room, data, size);
    mprotect(start, length, PROT_READ); /* undoes the first, so that it needs nothing */
    return 0;
}

void tfd_sealed_memory_in_child(void)
{
    if (chunk.start)
        mprotect(chunk.start, CHUNK, PROT_READ);
    chunk.start = NULL;
}
