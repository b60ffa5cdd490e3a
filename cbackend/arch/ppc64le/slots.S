/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  addis r11, r12, distance       upper part; r12 is the address of the slot
 *           4  addi  r11, r11, distance       static chain = address of the record
 *           8  ld    r12, 0(r11)              entry = first word of the record
 *          12  xor   r0, r12, r12
 *          16  add   r11, r11, r0
 *          20  mtctr r12
 *          24  bctr
 *          28  0, an illegal instruction
 *
 * What the entry loads from the record must be no older than the entry, which is stored last.  The
 * two instructions in between give the record's address a dependency on it, which orders the loads
 * and costs less than a barrier.
 *
 * The distance from slot to record grows by 32 bytes a slot and is the same in every copy of the
 * table.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .set offset, 0
    .rept TFD_SLOTS
1:  addis 11, 12, (tfd_records + offset - 1b)@ha
    addi 11, 11, (tfd_records + offset - 1b)@l
    ld 12, 0(11)
    xor 0, 12, 12
    add 11, 11, 0
    mtctr 12
    bctr
    .org 1b + TFD_SLOT_SIZE, 0
    .set offset, offset + TFD_RECORD_SIZE
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   r11  record
 *   r12  address of this entry
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
1:  addis 2, 12, (.TOC. - 1b)@ha
    addi 2, 2, (.TOC. - 1b)@l
    .localentry tfd_entry_dead, . - tfd_entry_dead
    mflr 0
    std 0, 16(1)
    stdu 1, -32(1)
    .cfi_def_cfa_offset 32
    .cfi_offset lr, 16
    mr 3, 11
    bl tfd_dead_report
    nop
    trap
END tfd_entry_dead

ASM_END
