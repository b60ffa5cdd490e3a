/* SPDX-License-Identifier: MIT */
/*
 * Which file was this library loaded from?  The dynamic loader knows the name and the segment.  It
 * is called when the library is loaded, because later another thread may hold the loader's lock
 * while it waits for this one.  /proc/self/maps is read only if the loader's name does not lead to
 * the slots (a relative name after chdir, a file that was moved).  A name is only a hint: the file
 * must contain the exact bytes of the slots.  The descriptor is opened for one mapping and then
 * closed, because a program may close a descriptor that it does not know and open another file with
 * that number.
 */
#define _GNU_SOURCE
#include "source.h"

#include "arch/port.h"
#include "base/maps.h"
#include "base/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdlib.h>
#include <sys/auxv.h>
#include <unistd.h>

static const char source[] = "own file";

/*
 * The loader's answer; the loader owns the name, which is valid as long as the library is loaded.
 */
static struct {
    const char *path;
    off_t offset;
} loaded;

static int find_segment(struct dl_phdr_info *info, size_t size, void *unused)
{
    uintptr_t slots = (uintptr_t)tfd_slots;

    (void)size;
    (void)unused;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        const char *name = info->dlpi_name;

        if (segment->p_type != PT_LOAD || slots < start || slots - start >= segment->p_filesz)
            continue;
        if (!name || !*name)
            name = (const char *)getauxval(AT_EXECFN);
        loaded.path = name ? name : "/proc/self/exe";
        loaded.offset = (off_t)(segment->p_offset + (slots - start));
        return 1;
    }
    return 0;
}

void tfd_source_own_file_init(void)
{
    dl_iterate_phdr(find_segment, NULL);
}

/* 0, or a positive errno. */
static int find_in_maps(char **path, off_t *offset)
{
    uintptr_t slots = (uintptr_t)tfd_slots;
    struct tfd_mapping mapping;
    int error = tfd_maps_find(slots, &mapping);

    if (error)
        return error;
    *path = mapping.path;
    *offset = (off_t)(mapping.offset + (slots - mapping.start));
    return *path ? 0 : ENOENT;
}

/* A descriptor of a file that holds the slots, or a negative errno. */
static int open_slots(const char *path, off_t offset, struct trampfd_trail *trail)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    int error;

    if (fd < 0)
        return tfd_trail_add(trail, source, "open the library's file", errno);
    error = tfd_source_compare(fd, offset);
    if (!error)
        return fd;
    close(fd);
    return tfd_trail_add(trail, source, "read the slots from the library's file", error);
}

int tfd_source_own_file(struct tfd_span *span, struct trampfd_trail *trail)
{
    off_t offset = loaded.offset;
    char *path = NULL;
    int error;
    int fd = loaded.path ? open_slots(loaded.path, offset, trail)
                         : tfd_trail_add(trail, source, "dl_iterate_phdr", ENOENT);

    /* The name does not lead to this library's file: ask the kernel. */
    if (fd < 0) {
        error = find_in_maps(&path, &offset);
        if (error)
            return tfd_trail_add(trail, source, "read /proc/self/maps", error);
        fd = open_slots(path, offset, trail);
        free(path);
    }
    if (fd < 0)
        return fd;
    error = tfd_span_map(span, fd, offset, source, trail);
    close(fd);
    return error;
}
