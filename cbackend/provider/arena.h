/* SPDX-License-Identifier: MIT */
/*
 * Address space inside the library for the blocks that it maps first.
 *
 * Unwinders, debuggers and profilers ask which object file an address belongs to, and where that
 * begins: for most of them at the lowest address that any of the file is mapped at.  Copies of the
 * slots that lie inside the library's own segments do not mislead them, and the library's unwind
 * information is for these copies, too.  Blocks for which there is no more room here, and those of a
 * library whose code and data are too far from each other, are mapped wherever there is room.
 *
 * Used with the lock held.
 */
#ifndef TFD_ARENA_H
#define TFD_ARENA_H

#include "slot/block.h"

#define TFD_ARENA_BLOCKS 32

/* Blocks of the largest span: as many as have the records of a huge page, 2 MiB on most CPUs. */
#define TFD_SPAN_MOST 8

/* Give back the memory that the loader has set apart; when the library is loaded. */
void tfd_arena_init(void);

/*
 * Room for the code of `count` blocks, each TFD_RECORD_BYTES behind the other, and for their records
 * at the library's distance from it.  Nothing is accessible there.  If nobody asks for less than the
 * blocks of a span after one has asked for that many, the records of spans lie in huge pages.  NULL
 * if there is no such room.
 */
char *tfd_arena_take(unsigned count);

/* Is that the code of a block in the arena? */
int tfd_arena_has(const char *code);

/*
 * Give back the room of a block and the memory that is mapped there.  It is not unmapped: nobody
 * else is to map something in the middle of the library.
 */
void tfd_arena_give(char *code);

#endif
