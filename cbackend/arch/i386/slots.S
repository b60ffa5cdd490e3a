/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  call 2f                        leaves the address of `3` in ecx
 *           5  3: lea record - 3b(%ecx), %ecx static chain = address of the record
 *          11  jmp *(%ecx)                    entry = first word of the record
 *          13  2: mov (%esp), %ecx
 *          16  ret
 *          17  int3 ...
 *
 * Nothing else than `call` tells the CPU's 32-bit mode where it is, and each `call` has a `ret`, as
 * the CPU predicts it.  Unwind information leaves the two instructions out that come between them.
 * The distance from slot to record is the same for all slots, and in every copy of the table.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .set offset, 0
    .rept TFD_SLOTS
1:  call 2f
3:  leal tfd_records + offset - 3b(%ecx), %ecx
    jmp *(%ecx)
2:  movl (%esp), %ecx
    ret
    .org 1b + TFD_SLOT_SIZE, 0xcc
    .set offset, offset + TFD_RECORD_SIZE
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   ecx  record
 *   The stack is aligned for the call, with the argument.
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    subl $12, %esp
    .cfi_adjust_cfa_offset 12
    pushl %ecx
    .cfi_adjust_cfa_offset 4
    call tfd_dead_report
    ud2
END tfd_entry_dead

ASM_END
