/* SPDX-License-Identifier: MIT */
/*
 * The frame that the plan entries make on x86-64, offsets from the stack pointer:
 *
 *     0  rdi rsi rdx rcx r8 r9        those that the signature uses
 *    48  low words of xmm0 to xmm7    those that the signature uses
 *   112  result: two words for the integer, or the x87, registers
 *   128  result: two words for xmm0 and xmm1
 *   144  (alignment)
 *   152  where the record may lie, see tfd_entry_below_stack
 *   208  rbp of the caller, over the record's last word, which no call reads
 *   216  return address
 *   224  the caller's stack arguments
 */
#ifndef TFD_X86_64_FRAME_H
#define TFD_X86_64_FRAME_H

#include "slot/layout.h"

#define FRAME_VECTORS 48
#define FRAME_RESULT 112
#define FRAME_VECTOR_RESULT 128
#define FRAME_POINTER 208
#define FRAME_SIZE 216
#define FRAME_STACK 224

/* Offsets in a record, where they depend on libffi's ffi_closure. */
#define RECORD_TAIL (3 * TFD_WORD)
#define RECORD_CIF (4 * TFD_WORD)
#define RECORD_FUN (5 * TFD_WORD)
#define RECORD_USER_DATA (6 * TFD_WORD)

#define WORD_REGISTERS 6
#define VECTOR_REGISTERS 8

/* Those that spill, then those that call the handler themselves: see plan_entries.S. */
#define PLAN_SPILL_ENTRIES ((WORD_REGISTERS + 1) * (VECTOR_REGISTERS + 1))
#define PLAN_DIRECT_VOID PLAN_SPILL_ENTRIES
#define PLAN_DIRECT_32 (PLAN_SPILL_ENTRIES + 1)
#define PLAN_DIRECT_WORDS (PLAN_SPILL_ENTRIES + 2)
#define PLAN_ENTRIES (PLAN_SPILL_ENTRIES + 3)
#define PLAN_ENTRY_SIZE 128

#ifndef __ASSEMBLER__
struct tfd_plan;

/* How many integer registers a signature uses, with that for the address of its result. */
unsigned tfd_plan_word_registers(const struct tfd_plan *plan);
#endif

#endif
