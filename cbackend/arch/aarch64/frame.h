/* SPDX-License-Identifier: MIT */
/*
 * The frame that the plan entries make on AArch64, offsets from the stack pointer:
 *
 *     0  x29 x30              the frame record of AAPCS64
 *    16  x8                   the address of a result in memory
 *    24  (alignment)
 *    32  x0 to x7             those that the signature uses, or one more
 *    96  d0 to d7             likewise
 *   160  result: two words for x0 and x1, or up to four values for v0 to v3
 *   224  q0 to q7             if the signature has long doubles
 *   352  the caller's stack arguments
 */
#ifndef TFD_AARCH64_FRAME_H
#define TFD_AARCH64_FRAME_H

#include "slot/layout.h"

#define FRAME_RESULT_ADDRESS 16
#define FRAME_WORDS 32
#define FRAME_VECTORS 96
#define FRAME_RESULT 160
#define FRAME_WHOLE_VECTORS 224
#define FRAME_SIZE 352
#define FRAME_STACK FRAME_SIZE

/* Offsets in a record, where they depend on libffi's ffi_closure. */
#define RECORD_TAIL (6 * TFD_WORD)
#define RECORD_USER_DATA (5 * TFD_WORD)

#define WORD_REGISTERS 8
#define VECTOR_REGISTERS 8

/* For 0 to 4 pairs of words with 0 to 4 pairs of vectors; and one for whole vectors. */
#define PLAN_PAIRS 5
#define PLAN_ENTRY_WHOLE (PLAN_PAIRS * PLAN_PAIRS)
#define PLAN_ENTRIES (PLAN_ENTRY_WHOLE + 1)
#define PLAN_ENTRY_SIZE 128

#endif
