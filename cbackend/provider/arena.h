/* SPDX-License-Identifier: MIT */
/*
 * Address space inside the library for the blocks that it maps first.
 *
 * Unwinders, debuggers and profilers ask which object file an address belongs to, and where that
 * begins: for some of them at the lowest address that any of the file is mapped at.  Copies of the
 * slots that lie inside the library do not mislead them, and it has unwind information for these
 * copies, too.  Later blocks, and all of a program that has the core linked in, lie anywhere.
 *
 * Used with the lock held.
 */
#ifndef TFD_ARENA_H
#define TFD_ARENA_H

#include "slot/block.h"

/* Blocks of the largest span: as many as have the records of a huge page, 2 MiB on most CPUs. */
#define TFD_SPAN_MOST 8

/* The arena is [start, end); before anything is taken from it. */
void tfd_arena_init(char *start, char *end);

/*
 * Room for the code of `count` blocks, which is 1 or TFD_SPAN_MOST, each TFD_RECORD_BYTES behind the
 * other, and for their records, `distance` bytes behind it; the records of a whole span begin a huge
 * page.  Nothing that is mapped there is in use.  NULL if there is no such room.
 */
char *tfd_arena_take(unsigned count, size_t distance);

/* Is that the code of a block in the arena? */
int tfd_arena_has(const char *code);

/*
 * Give back the room of a block and the memory that is mapped there.  It is not unmapped: nobody
 * else is to map something in the middle of the library.
 */
void tfd_arena_give(char *code, size_t distance);

#endif
