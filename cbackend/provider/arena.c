/* SPDX-License-Identifier: MIT */
/*
 * The arena consists of units.  A unit has room for a span: the code of its blocks, and, at the
 * distance that the library's records have from its slots, their records.
 */
#define _GNU_SOURCE
#include "arena.h"

#include <sys/mman.h>

#define UNITS_MOST 4 /* for 131,072 closures */
#define HUGE_PAGE (TFD_SPAN_MOST * TFD_RECORD_BYTES)

static struct {
    char *start, *end;
    unsigned char used[UNITS_MOST]; /* a bit for each block */
} arena;

_Static_assert(TFD_SPAN_MOST == 8, "a byte has a bit for each block of a unit");

void tfd_arena_init(char *start, char *end)
{
    arena.start = start;
    arena.end = end;
}

static size_t round_up(size_t size)
{
    return (size + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE;
}

/* Code of a unit's first block, whose records begin a huge page. */
static char *code_of(unsigned unit, size_t distance)
{
    size_t align = -((uintptr_t)arena.start + distance) % HUGE_PAGE;

    return arena.start + align + unit * round_up(distance + HUGE_PAGE);
}

static unsigned units(size_t distance)
{
    size_t room = (size_t)(arena.end - arena.start);
    unsigned count = 0;

    while (room && count < UNITS_MOST
           && (size_t)(code_of(count, distance) - arena.start) + distance + HUGE_PAGE <= room)
        count++;
    return count;
}

/* Of `count` bits that are not used; 0 if there are none. */
static unsigned char free_bits(unsigned char used, unsigned count)
{
    if (count == TFD_SPAN_MOST)
        return used ? 0 : 0xff;
    return (unsigned char)(~used & (used + 1));
}

char *tfd_arena_take(unsigned count, size_t distance)
{
    unsigned last = units(distance);

    for (unsigned i = 0; i < last; i++) {
        unsigned char bits = free_bits(arena.used[i], count);

        if (!bits)
            continue;
        arena.used[i] |= bits;
        return code_of(i, distance) + (unsigned)__builtin_ctz(bits) * TFD_RECORD_BYTES;
    }
    return NULL;
}

int tfd_arena_has(const char *code)
{
    return (uintptr_t)code - (uintptr_t)arena.start < (uintptr_t)(arena.end - arena.start);
}

/*
 * As the rest of the arena, so that the kernel makes one mapping of both.  What cannot be given back,
 * because it refuses mmap(2), is replaced by the next block.
 */
static void forget(char *start, size_t size)
{
    mmap(start, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}

void tfd_arena_give(char *code, size_t distance)
{
    size_t offset = (size_t)(code - code_of(0, distance));
    size_t unit = offset / round_up(distance + HUGE_PAGE);
    size_t block = offset % round_up(distance + HUGE_PAGE) / TFD_RECORD_BYTES;

    forget(code, TFD_CODE_BYTES);
    forget(code + distance, TFD_RECORD_BYTES);
    arena.used[unit] &= (unsigned char)~(1u << block);
}
