/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  ldr ip, [pc, 4]        the word at offset 12
 *           4  add ip, ip, pc         static chain = address of the record
 *           8  ldr pc, [ip]           entry = first word of the record
 *          12  the distance from here to the record
 *
 * The distance grows by 16 bytes a slot, and is the same in every copy of the table.
 *
 * Nothing orders the load of the entry before those of the rest of the record: a barrier would need
 * a second free register.  Nothing has to: who calls a slot has been given its address after the
 * record was complete, and whatever handed it over from one thread to another orders both.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .fnstart
    .set offset, 0
    .rept TFD_SLOTS
1:  ldr ip, 2f
    add ip, ip, pc
    ldr pc, [ip]
2:  .word tfd_records + offset - .
    .org 1b + TFD_SLOT_SIZE, 0
    .set offset, offset + TFD_RECORD_SIZE
    .endr
    .fnend
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   ip  record
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    push {r3, lr}
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset lr, 4
    mov r0, ip
    bl tfd_dead_report
    udf #0
END tfd_entry_dead

ASM_END
