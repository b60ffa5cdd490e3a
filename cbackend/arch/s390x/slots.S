/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  larl %r0, record       static chain = address of the record
 *           6  lgrl %r1, record       entry = first word of the record
 *          12  br   %r1
 *          14  0, an illegal instruction
 *
 * The CPU does not let a load overtake another one.  The distance from slot to record grows by 48
 * bytes a slot and is the same in every copy of the table.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .set offset, 0
    .rept TFD_SLOTS
1:  larl %r0, tfd_records + offset
    lgrl %r1, tfd_records + offset
    br %r1
    .org 1b + TFD_SLOT_SIZE, 0
    .set offset, offset + TFD_RECORD_SIZE
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   r0  record
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    stmg %r14, %r15, 112(%r15)
    .cfi_offset %r14, -48
    .cfi_offset %r15, -40
    aghi %r15, -160
    .cfi_adjust_cfa_offset 160
    lgr %r2, %r0
    brasl %r14, tfd_dead_report
    .short 0
END tfd_entry_dead

ASM_END
