/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "slot/layout.h"

/*
 * The slots.
 *
 *   offset  0  endbr64                        landing pad for indirect calls
 *           4  lea   record(%rip), %r10       static chain = address of the record
 *          11  jmp   *(%r10)                  entry = first word of the record
 *          14  int3, int3
 *
 * The distance from slot to record grows by 48 bytes a slot and is the same in
 * every copy of the table.  `.org` refuses a slot that is too long.
 */
    .hidden tfd_records
    .section .text.tfd_slots, "ax", %progbits
    .balign TFD_GRANULE
TABLE tfd_slots
    .rept TFD_SLOTS
1:  LANDING_PAD
    leaq tfd_records + (1b - tfd_slots) * (TFD_RECORD_SIZE / TFD_SLOT_SIZE)(%rip), %r10
    jmp *(%r10)
    .org 1b + TFD_SLOT_SIZE, 0xcc
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   r10  record
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    movq %r10, %rdi
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    call tfd_dead_report
    ud2
END tfd_entry_dead

ASM_END
