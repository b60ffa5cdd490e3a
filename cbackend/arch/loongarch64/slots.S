/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  pcalau12i $t2, record's page
 *           4  addi.d    $t2, $t2, record there   address of the record
 *           8  ld.d      $t1, $t2, 0              entry = first word of the record
 *          12  xor       $t3, $t1, $t1
 *          16  add.d     $t2, $t2, $t3
 *          20  jr        $t1
 *          24  0, an illegal instruction
 *
 * What the entry loads from the record must be no older than the entry, which is stored last.  The
 * two instructions in between give the record's address a dependency on it, which orders the loads.
 *
 * The distance from slot to record grows by 32 bytes a slot and is the same in every copy of the
 * table, which lies at a multiple of TFD_GRANULE from the original, as `pcalau12i` needs.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .set offset, 0
    .rept TFD_SLOTS
1:  pcalau12i $t2, %pc_hi20(tfd_records + offset)
    addi.d $t2, $t2, %pc_lo12(tfd_records + offset)
    ld.d $t1, $t2, 0
    xor $t3, $t1, $t1
    add.d $t2, $t2, $t3
    jr $t1
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
    addi.d $sp, $sp, -16
    .cfi_def_cfa_offset 16
    st.d $ra, $sp, 8
    .cfi_offset 1, -8
    move $a0, $t2
    bl tfd_dead_report
    break 0
END tfd_entry_dead

ASM_END
