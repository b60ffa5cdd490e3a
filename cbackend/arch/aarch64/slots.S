/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  bti   c                        landing pad for indirect calls
 *           4  adrp  x16, record's page
 *           8  add   x18, x16, record's place there    static chain = address of the record
 *          12  ldar  x16, [x18]               entry = first word of the record
 *          16  br    x16
 *          20  udf, udf, udf
 *
 * `ldar` and not `ldr`: the entry is stored last, and what it finds in the record must be no older.
 *
 * The distance from slot to record grows by 32 bytes a slot and is the same in every copy of the
 * table, which lies at a multiple of TFD_GRANULE from the original, as `adrp` needs.  `adr` would
 * fill only 16 bytes a slot, but reaches 1 MiB: not across the text and the data of a program that
 * the library is linked into.  Linkers make an `adr` of `adrp` and `add` where it would reach; the
 * second register keeps them from it, so that all slots look the same.
 *
 * `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .set offset, 0
    .rept TFD_SLOTS
1:  LANDING_PAD
    adrp x16, tfd_records + offset
    add x18, x16, :lo12:tfd_records + offset
    ldar x16, [x18]
    br x16
    .org 1b + TFD_SLOT_SIZE, 0
    .set offset, offset + TFD_RECORD_SIZE
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   x18  record
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    stp x29, x30, [sp, -16]!
    .cfi_def_cfa_offset 16
    .cfi_offset x29, -16
    .cfi_offset x30, -8
    mov x29, sp
    mov x0, x18
    bl tfd_dead_report
    udf 0
END tfd_entry_dead

ASM_END
