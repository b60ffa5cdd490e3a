/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  auipc t2, distance        upper part
 *           4  addi  t2, t2, distance    static chain = address of the record
 *           8  ld    t1, (t2)            entry = first word of the record
 *          12  xor   t3, t1, t1
 *          16  add   t2, t2, t3
 *          20  jr    t1
 *          24  0, an illegal instruction
 *
 * What the entry loads from the record must be no older than the entry, which is stored last.  The
 * two instructions in between give the record's address a dependency on it, which orders the loads
 * (RVWMO, rule 9) and costs less than a fence.
 *
 * The distance from slot to record grows by 32 bytes a slot and is the same in every copy of the
 * table.  Linkers must not shorten a slot, nor the assembler: see asm.h.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .set offset, 0
    .rept TFD_SLOTS
1:  auipc t2, %pcrel_hi(tfd_records + offset)
    addi t2, t2, %pcrel_lo(1b)
    ld t1, (t2)
    xor t3, t1, t1
    add t2, t2, t3
    jr t1
    .org 1b + TFD_SLOT_SIZE, 0
    .set offset, offset + TFD_RECORD_SIZE
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   t2  record
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    addi sp, sp, -16
    .cfi_def_cfa_offset 16
    sd ra, 8(sp)
    .cfi_offset ra, -8
    mv a0, t2
    call tfd_dead_report
    unimp
END tfd_entry_dead

ASM_END
