/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "maps.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static int protection_of_mode(const char *mode)
{
    return (mode[0] == 'r' ? PROT_READ : 0) | (mode[1] == 'w' ? PROT_WRITE : 0)
           | (mode[2] == 'x' ? PROT_EXEC : 0);
}

/* 0 when the line is of the mapping that has the address, -1 when not, or a positive errno. */
static int read_line(char *line, uintptr_t address, struct tfd_mapping *mapping)
{
    uintptr_t start, end;
    uint64_t offset;
    char mode[5];
    int name = 0;

    if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %" SCNx64 " %*s %*s %n", &start, &end, mode,
               &offset, &name)
            < 4
        || address < start || address >= end)
        return -1;
    *mapping = (struct tfd_mapping){
        .start = start,
        .protection = protection_of_mode(mode),
        .offset = offset,
    };
    line[strcspn(line, "\n")] = '\0';
    if (!name || line[name] != '/')
        return 0;
    mapping->path = strdup(line + name);
    return mapping->path ? 0 : errno;
}

int tfd_maps_find(uintptr_t address, struct tfd_mapping *mapping)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t size = 0;
    int error = -1;

    if (!maps)
        return errno;
    while (error < 0) {
        errno = ENOENT; /* sscanf(3) changes it, the end of the file does not */
        error = getline(&line, &size, maps) > 0 ? read_line(line, address, mapping) : errno;
    }
    free(line);
    fclose(maps);
    return error;
}
