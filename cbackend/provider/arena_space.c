/* SPDX-License-Identifier: MIT */
/*
 * The address space of the arena: a segment of the shared libraries that can be read and has no
 * contents, so that it takes no memory.  It is not part of a segment that can be written, which
 * collectors of garbage and of leaks search.  ldflags.txt says where it begins, which is behind all
 * others: elsewhere the linker would fill it with zeros from the file.
 *
 * The unwind information says what is true of every instruction of a slot: nothing was pushed.
 */
#include "arena.h"

__asm__(".pushsection .tfd_arena, \"a\", %nobits\n"
        ".balign 65536\n"
        ".hidden tfd_arena\n"
        ".globl tfd_arena\n"
        "tfd_arena:\n"
        ".cfi_startproc\n"
        ".skip 0x1c00000\n"
        ".cfi_endproc\n"
        ".hidden tfd_arena_end\n"
        ".globl tfd_arena_end\n"
        "tfd_arena_end:\n"
        ".popsection\n");

extern char tfd_arena[], tfd_arena_end[];

__attribute__((constructor)) static void init(void)
{
    tfd_arena_init(tfd_arena, tfd_arena_end);
}
