/* SPDX-License-Identifier: MIT */
/*
 * Which file was this library loaded from?  The dynamic loader knows the name
 * and the segment; /proc/self/maps is asked only when the loader's name does not
 * lead to the slots (a relative name after chdir, the main program's empty name).
 * A name is only a hint: what counts is that the file holds the very bytes of the
 * slots.  The descriptor is opened for one mapping and closed, because a program
 * may close a descriptor it does not know and open another file on its number.
 */
#define _GNU_SOURCE
#include "source.h"

#include "arch/port.h"
#include "span.h"
#include "trail.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

static const char way[] = "own file";

struct location {
    char *path; /* malloc'ed */
    off_t offset;
};

static int find_segment(struct dl_phdr_info *info, size_t size, void *data)
{
    struct location *found = data;
    uintptr_t slots = (uintptr_t)tfd_slots;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        const char *name = info->dlpi_name;

        if (segment->p_type != PT_LOAD || slots < start || slots - start >= segment->p_filesz)
            continue;
        if (!name || !*name)
            name = (const char *)getauxval(AT_EXECFN);
        found->path = strdup(name ? name : "/proc/self/exe");
        found->offset = (off_t)(segment->p_offset + (slots - start));
        return found->path ? 1 : -1;
    }
    return 0;
}

/* 0, or a positive errno.  The kernel writes a newline in a name as \012. */
static int find_in_maps(struct location *found)
{
    uintptr_t slots = (uintptr_t)tfd_slots;
    FILE *maps = fopen("/proc/self/maps", "re");
    char *line = NULL;
    size_t room = 0;
    int error = ENOENT;

    if (!maps)
        return errno;
    while (getline(&line, &room, maps) > 0) {
        uintptr_t start, end;
        uint64_t offset;
        int name = 0;

        if (sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %*s %" SCNx64 " %*s %*s %n", &start, &end,
                   &offset, &name) < 3 || slots < start || slots >= end)
            continue;
        line[strcspn(line, "\n")] = '\0';
        found->path = name && line[name] == '/' ? strdup(line + name) : NULL;
        found->offset = (off_t)(offset + (slots - start));
        error = found->path ? 0 : ENOENT;
        break;
    }
    free(line);
    fclose(maps);
    return error;
}

static int map_location(struct tfd_block *block, const struct location *found,
                        struct trampfd_trail *trail)
{
    int fd = open(found->path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int error;

    if (fd < 0)
        return tfd_trail_add(trail, way, "open the library's file", errno);
    error = tfd_source_compare(fd, found->offset);
    error = error ? tfd_trail_add(trail, way, "read the slots from the library's file", error)
                  : tfd_span_map(block, fd, found->offset, way, trail);
    close(fd);
    return error;
}

int tfd_source_own_file(struct tfd_block *block, struct trampfd_trail *trail)
{
    struct location found = {0};
    int error = -ENOENT;

    if (dl_iterate_phdr(find_segment, &found) > 0)
        error = map_location(block, &found, trail);
    else
        tfd_trail_add(trail, way, "dl_iterate_phdr", ENOENT);
    free(found.path);

    /* The name led to no file, or to one that is not ours: ask the kernel. */
    if (error == -ENOENT || error == -ESTALE || error == -EISDIR) {
        found = (struct location){0};
        error = find_in_maps(&found);
        error = error ? tfd_trail_add(trail, way, "read /proc/self/maps", error)
                      : map_location(block, &found, trail);
        free(found.path);
    }
    return error;
}
