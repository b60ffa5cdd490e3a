/* SPDX-License-Identifier: MIT */
#include "asm.h"
#include "cpu.h"

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
    .balign TFD_PORT_GRANULE
ROUTINE tfd_slots
    .rept TFD_PORT_SLOTS
1:  endbr64
    leaq tfd_records + (1b - tfd_slots) * (TFD_PORT_RECORD_SIZE / TFD_PORT_SLOT_SIZE)(%rip), %r10
    jmp *(%r10)
    .org 1b + TFD_PORT_SLOT_SIZE, 0xcc
    .endr
END tfd_slots

/*
 * void tfd_entry_dead(void)
 *   r10  record
 * Calls `_Noreturn void tfd_dead_report(const union tfd_record *)`.
 */
    .text
ROUTINE tfd_entry_dead
    endbr64
    movq %r10, %rdi
    subq $8, %rsp
    .cfi_adjust_cfa_offset 8
    call tfd_dead_report
    ud2
END tfd_entry_dead

/*
 * void tfd_entry_below_stack(void)
 *   rsp  record ends here
 * The record lies in the red zone, so signals leave it alone.
 */
    .balign 16
ROUTINE tfd_entry_below_stack
    endbr64
    leaq -TFD_PORT_RECORD_SIZE(%rsp), %r10
    jmp *(%r10)
END tfd_entry_below_stack

#include "notes.h"
