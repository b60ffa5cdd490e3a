/* SPDX-License-Identifier: MIT */
#include "heap.h"

#include <errno.h>
#include <stdlib.h>

/* The smallest page size there is: memory before a page's start may not be readable. */
#define PAGE 4096

struct header {
    void *base; /* what malloc returned */
    union tfd_record *shadow;
};

_Static_assert(sizeof(struct header) % _Alignof(max_align_t) == 0 || sizeof(void *) < 8,
               "the header keeps malloc's alignment");

static struct header *header_of(const void *closure)
{
    return (struct header *)(uintptr_t)closure - 1;
}

/*
 * A closure never starts a page, so that the header of any candidate lies in the
 * candidate's own page and can be read.
 */
void *tfd_heap_alloc(struct tfd_slot slot, size_t size)
{
    char *base, *closure;

    if (size > SIZE_MAX - 2 * sizeof(struct header))
        return NULL;
    base = calloc(1, size + 2 * sizeof(struct header));
    if (!base)
        return NULL;
    closure = base + sizeof(struct header);
    if ((uintptr_t)closure % PAGE == 0)
        closure += sizeof(struct header);
    *header_of(closure) = (struct header){.base = base, .shadow = tfd_slot_shadow(slot)};
    tfd_slot_shadow(slot)->owner.state = (uintptr_t)closure;
    return closure;
}

int tfd_heap_find(const void *closure, struct tfd_slot *slot)
{
    struct tfd_slot found;

    if ((uintptr_t)closure % PAGE < sizeof(struct header)
        || (uintptr_t)closure % _Alignof(struct header)
        || tfd_pool_find_closure(header_of(closure)->shadow, &found)
        || tfd_slot_shadow(found)->owner.state != (uintptr_t)closure)
        return -ENOENT;
    *slot = found;
    return 0;
}

void tfd_heap_free(uintptr_t state)
{
    if (!tfd_state_is_free(state) && state != TFD_STATE_USED)
        free(header_of((void *)state)->base);
}
