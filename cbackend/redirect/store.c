/* SPDX-License-Identifier: MIT */
/*
 * Program headers tell which pages the loader should have protected, not which ones are:
 * programs change protections too.  So the kernel is asked, and without /proc nothing is done.
 */
#include "words.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static int protection_of_mode(const char *mode)
{
    return (mode[0] == 'r' ? PROT_READ : 0) | (mode[1] == 'w' ? PROT_WRITE : 0)
           | (mode[2] == 'x' ? PROT_EXEC : 0);
}

/* The protection of the page of an address, or a negative errno. */
static int find_protection(uintptr_t address)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    int protection = -EFAULT;
    char *line = NULL;
    size_t size = 0;

    if (!maps)
        return -errno;
    while (protection < 0 && getline(&line, &size, maps) > 0) {
        uintptr_t start, end;
        char mode[5];

        if (sscanf(line, "%lx-%lx %4s", &start, &end, mode) == 3 && start <= address
            && address < end)
            protection = protection_of_mode(mode);
    }
    free(line);
    fclose(maps);
    return protection;
}

static int refuse(const char **call, const char *step, int error)
{
    *call = step;
    return -error;
}

int tfd_word_store(uintptr_t *at, uintptr_t value, const char **call)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = (void *)((uintptr_t)at & -size);
    int protection = find_protection((uintptr_t)at);

    if (protection < 0)
        return refuse(call, "protection of the page in /proc/self/maps", -protection);
    if (protection & PROT_EXEC)
        return refuse(call, "store in an executable page", EACCES);
    if (!(protection & PROT_WRITE) && mprotect(page, size, PROT_READ | PROT_WRITE))
        return refuse(call, "mprotect to write", errno);
    __atomic_store_n(at, value, __ATOMIC_RELEASE);
    if (!(protection & PROT_WRITE) && mprotect(page, size, protection))
        return refuse(call, "mprotect back", errno);
    return 0;
}
