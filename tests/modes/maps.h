/* SPDX-License-Identifier: MIT */
/* The mappings of this process, for programs that look at them. */
#ifndef MAPS_H
#define MAPS_H

#include "mode.h"

#include <inttypes.h>

struct mapping {
    uintptr_t start, end;
    unsigned long inode;
    char mode[5], path[4096];
};

/* The next line of /proc/self/maps; 0 at the end. */
SHARED int next_mapping(FILE *maps, struct mapping *found)
{
    char line[4300];

    if (!fgets(line, sizeof(line), maps))
        return 0;
    found->path[0] = '\0';
    return sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %*s %lu %4095[^\n]", &found->start,
                  &found->end, found->mode, &found->inode, found->path)
           >= 4;
}

SHARED FILE *open_maps(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");

    NEED(maps, "/proc/self/maps");
    return maps;
}

SHARED int count_mappings(void)
{
    FILE *maps = open_maps();
    struct mapping one;
    int count = 0;

    while (next_mapping(maps, &one))
        count++;
    fclose(maps);
    return count;
}

/* The mapping that an address is in. */
SHARED struct mapping mapping_of(const void *address)
{
    FILE *maps = open_maps();
    struct mapping one;

    while (next_mapping(maps, &one))
        if ((uintptr_t)address - one.start < one.end - one.start)
            break;
    fclose(maps);
    return one;
}

/* How an object is mapped that is executable and can be written to; NULL if none is. */
SHARED const char *find_wx(void)
{
    static struct mapping all[2000];
    FILE *maps = open_maps();
    const char *found = NULL;
    int count = 0;

    while (count < 2000 && next_mapping(maps, &all[count]))
        count++;
    fclose(maps);
    for (int i = 0; i < count; i++) {
        if (all[i].mode[2] != 'x')
            continue;
        if (all[i].mode[1] == 'w')
            return "a mapping is writable and executable";
        for (int j = 0; j < count; j++)
            if (all[i].inode && all[j].inode == all[i].inode && all[j].mode[1] == 'w'
                && all[j].mode[3] == 's')
                found = "an object is mapped twice, writable and executable";
    }
    return found;
}

#endif
