/* SPDX-License-Identifier: MIT */
/*
 *     tfd_arena                                up to a huge page of nothing, then code of the blocks
 *     tfd_records                              the records of the built-in slots
 *     tfd_records + TFD_RECORD_BYTES           a gap as large as the code before tfd_arena
 *     tfd_arena + (tfd_records - tfd_slots)    records of the blocks
 *     tfd_arena_end
 *
 * It is address space only: the kernel is told so when the library is loaded, because it might
 * otherwise fill a huge page for the first record that is used.
 */
#define _GNU_SOURCE
#include "arena.h"

#include "arch/port.h"

#include <errno.h>
#include <sys/mman.h>

#define TEXT_OF(number) #number
#define TEXT(number) TEXT_OF(number)
#define BYTES TEXT(TFD_SLOTS) " * " TEXT(TFD_RECORD_SIZE)
#define BLOCKS TEXT(TFD_ARENA_BLOCKS) " + " TEXT(TFD_SPAN_MOST)
#define HUGE_PAGE (TFD_SPAN_MOST * TFD_RECORD_BYTES)
#define CODE_BEFORE "1048576" /* enough for each of our libraries, but not for every program */

/* The unwind information says what is true of every instruction of a slot: nothing was pushed. */
/* clang-format off */
__asm__(".pushsection .bss.tfd_records, \"aw\", %nobits\n"
        ".balign " TEXT(TFD_GRANULE) "\n"
        ".hidden tfd_arena\n"
        ".globl tfd_arena\n"
        ".type tfd_arena, %object\n"
        "tfd_arena:\n"
        ".cfi_startproc\n"
        ".skip (" BLOCKS ") * " BYTES "\n"
        ".cfi_endproc\n"
        ".size tfd_arena, . - tfd_arena\n"
        ".hidden tfd_records\n"
        ".globl tfd_records\n"
        ".type tfd_records, %object\n"
        "tfd_records:\n"
        ".skip " BYTES "\n"
        ".size tfd_records, . - tfd_records\n"
        ".skip " CODE_BEFORE " + (" BLOCKS ") * " BYTES "\n"
        ".hidden tfd_arena_end\n"
        ".globl tfd_arena_end\n"
        "tfd_arena_end:\n"
        ".popsection\n");
/* clang-format on */

extern char tfd_arena[], tfd_arena_end[];

static struct {
    char *first;   /* code of the first block, whose records begin a huge page */
    uint32_t free; /* a bit for each block that has room for its records */
} arena;

_Static_assert(TFD_ARENA_BLOCKS == 32, "a bit for each block");

static size_t distance(void)
{
    return (size_t)((const char *)tfd_records - tfd_slots);
}

static char *code_of(unsigned number)
{
    return arena.first + number * TFD_RECORD_BYTES;
}

static uint32_t bits(unsigned first, unsigned count)
{
    return (((uint32_t)1 << count) - 1) << first;
}

static int has_room(unsigned number)
{
    uintptr_t records = (uintptr_t)code_of(number) + distance();

    return records >= (uintptr_t)tfd_records + TFD_RECORD_BYTES
           && records + TFD_RECORD_BYTES <= (uintptr_t)tfd_arena_end;
}

static int reserve(char *start, size_t size)
{
    return mmap(start, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
                0) == MAP_FAILED
               ? -errno
               : 0;
}

void tfd_arena_init(void)
{
    char *behind = (char *)tfd_records + TFD_RECORD_BYTES;

    if (reserve(tfd_arena, (size_t)((char *)tfd_records - tfd_arena))
        || reserve(behind, (size_t)(tfd_arena_end - behind)))
        return;
    arena.first = tfd_arena + -((uintptr_t)tfd_arena + distance()) % HUGE_PAGE;
    for (unsigned i = 0; i < TFD_ARENA_BLOCKS; i++)
        if (has_room(i))
            arena.free |= bits(i, 1);
}

char *tfd_arena_take(unsigned count)
{
    for (unsigned i = 0; i + count <= TFD_ARENA_BLOCKS; i++)
        if (!(~arena.free & bits(i, count))) {
            arena.free &= ~bits(i, count);
            return code_of(i);
        }
    return NULL;
}

int tfd_arena_has(const char *code)
{
    return (uintptr_t)code - (uintptr_t)tfd_arena < (uintptr_t)tfd_records - (uintptr_t)tfd_arena;
}

/* What cannot be given back, because the kernel refuses mmap(2), is replaced by the next block. */
void tfd_arena_give(char *code)
{
    reserve(code, TFD_CODE_BYTES);
    reserve(code + distance(), TFD_RECORD_BYTES);
    arena.free |= bits((unsigned)((size_t)(code - arena.first) / TFD_RECORD_BYTES), 1);
}
