/* SPDX-License-Identifier: MIT */
/*
 * A copy exports nothing that would identify it, so each has an ELF note: its name is "trampfd",
 * its type is 1, and its four bytes are the distance from there to tfd_sibling_owns().
 * dl_iterate_phdr(3) finds notes regardless of what the object exports.
 */
#define _GNU_SOURCE
#include "sibling.h"

#include "base/elf.h"
#include "heap.h"
#include "slot/pool.h"

#include <errno.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define NAME "trampfd"
#define TYPE 1

__asm__(".pushsection .note.trampfd, \"a\", %note\n"
        ".balign 4\n"
        ".long 8, 4, 1\n"
        ".asciz \"trampfd\"\n"
        ".long tfd_sibling_owns - .\n"
        ".popsection\n");

typedef int owns(const void *);

int tfd_sibling_owns(const void *address)
{
    return tfd_pool_has(address) || tfd_heap_knows(address);
}

struct search {
    const void *address;
    const void *found;
    char *name;
};

/* The function that a note leads to; NULL for other notes. */
static owns *function_of(const ElfW(Nhdr) *note)
{
    const char *name = (const char *)(note + 1), *distance = name + sizeof(NAME);
    int32_t value;

    if (note->n_type != TYPE || note->n_namesz != sizeof(NAME) || note->n_descsz != sizeof(value)
        || memcmp(name, NAME, sizeof(NAME)))
        return NULL;
    memcpy(&value, distance, sizeof(value));
    return (owns *)((uintptr_t)distance + (uintptr_t)(intptr_t)value);
}

static size_t padded(size_t size, size_t alignment)
{
    return (size + alignment - 1) / alignment * alignment;
}

static owns *find_in(uintptr_t start, const ElfW(Phdr) *segment)
{
    size_t alignment = segment->p_align == 8 ? 8 : 4, size;

    for (size_t at = 0; at + sizeof(ElfW(Nhdr)) <= segment->p_memsz; at += size) {
        const ElfW(Nhdr) *note = (const void *)(start + at);
        owns *function = function_of(note);

        if (function)
            return function;
        size =
            padded(sizeof(*note) + note->n_namesz, alignment) + padded(note->n_descsz, alignment);
    }
    return NULL;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    const char *slash = strrchr(info->dlpi_name, '/');
    owns *function = NULL;

    (void)size;
    for (int i = 0; i < info->dlpi_phnum && !function; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;

        if (segment->p_type == PT_NOTE && tfd_elf_holds(info, (const void *)start))
            function = find_in(start, segment);
    }
    if (!function || function == tfd_sibling_owns || !function(search->address))
        return 0;
    search->found = (const void *)(uintptr_t)function;
    snprintf(search->name, TFD_SIBLING_NAME, "%s",
             slash              ? slash + 1
             : *info->dlpi_name ? info->dlpi_name
                                : program_invocation_short_name);
    return 1;
}

const void *tfd_sibling_of(const void *address, char name[TFD_SIBLING_NAME])
{
    struct search search = {.address = address, .name = name};

    dl_iterate_phdr(look_at, &search);
    return search.found;
}
