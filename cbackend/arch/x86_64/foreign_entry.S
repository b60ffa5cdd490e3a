/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "frame.h"

/*
 * Entry of a closure that another libffi may have prepared.  What libffi writes is
 *
 *   endbr64; lea -11(%rip),%r10; jmp *7(%rip)     and at 24 the address that is jumped to, or
 *            lea -7(%rip),%r10;  jmp *3(%rip)     and at 16, before libffi 3.4
 *
 * so the static chain is the closure's address, and its first eight bytes identify the code.
 *
 *   r10  record, then the closure
 *   r11  the closure; a scratch register that carries no argument
 *   -8(%rsp)  the record; the caller's frame ends above
 */
#define MEMORY RECORD_USER_DATA
#define WRITTEN 0xf5158d4cfa1e0ff3
#define TARGET 24
#define WRITTEN_3_3 0xfffffffff9158d4c
#define TARGET_3_3 16

    .text
ROUTINE tfd_entry_foreign
    movq MEMORY(%r10), %r11
    movq %r10, -8(%rsp)
    movabsq $WRITTEN, %r10
    cmpq %r10, (%r11)
    jne 1f
    movq %r11, %r10
    jmp *TARGET(%r11)
1:  movabsq $WRITTEN_3_3, %r10
    cmpq %r10, (%r11)
    jne 2f
    movq %r11, %r10
    jmp *TARGET_3_3(%r11)
2:  movq -8(%rsp), %r10
    jmp tfd_entry_dead
END tfd_entry_foreign

ASM_END
