/* SPDX-License-Identifier: MIT */
/*
 * The frame that the plan entries make on RISC-V, offsets from the stack pointer:
 *
 *     0  result: two words, for a0 and a1, or for what the tail loads into fa0 and fa1
 *    16  fa0 to fa7           those that the signature uses
 *    80  s0                   the caller's frame pointer
 *    88  ra
 *    96  a0 to a7             those that the signature uses; s0 points here
 *   160  the caller's stack arguments
 *
 * The last integer register lies beside the first stack argument, as a value may be in both.  So
 * s0 points below the integer registers, as in a function of C with variable arguments: what walks
 * frames finds the caller's s0 and the return address right below it.
 */
#ifndef TFD_RISCV64_FRAME_H
#define TFD_RISCV64_FRAME_H

#include "slot/layout.h"

#define FRAME_RESULT 0
#define FRAME_FLOATS 16
#define FRAME_CALLERS_S0 80
#define FRAME_RA 88
#define FRAME_WORDS 96
#define FRAME_SIZE 160
#define FRAME_STACK FRAME_SIZE

/* Offsets in a record, where they depend on libffi's ffi_closure. */
#define RECORD_TAIL (6 * TFD_WORD)
#define RECORD_USER_DATA (5 * TFD_WORD)

#define WORD_REGISTERS 8
#define FLOAT_REGISTERS 8

/* For 0 to 8 words with 0 to 8 floats. */
#define PLAN_ENTRIES ((WORD_REGISTERS + 1) * (FLOAT_REGISTERS + 1))
#define PLAN_ENTRY_SIZE 128

#endif
