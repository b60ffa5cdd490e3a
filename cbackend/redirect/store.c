/* SPDX-License-Identifier: MIT */
/*
 * Program headers show which pages the loader should have protected, not the current protection,
 * which programs change, too.  So the kernel is asked, and without /proc nothing is done.
 */
#include "words.h"

#include "base/maps.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int refuse(const char **call, const char *step, int error)
{
    *call = step;
    return -error;
}

int tfd_word_store(uintptr_t *at, uintptr_t value, const char **call)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)at & -size);
    struct tfd_mapping mapping;
    int error = tfd_maps_find((uintptr_t)at, &mapping);
    int protection;

    if (error)
        return refuse(call, "protection of the page in /proc/self/maps", error);
    free(mapping.path);
    protection = mapping.protection;
    if (protection & PROT_EXEC)
        return refuse(call, "store in an executable page", EACCES);
    if (!(protection & PROT_WRITE) && mprotect(page, size, PROT_READ | PROT_WRITE))
        return refuse(call, "mprotect to write", errno);
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
    if (!(protection & PROT_WRITE) && mprotect(page, size, protection))
        return refuse(call, "mprotect back", errno);
    return 0;
}
