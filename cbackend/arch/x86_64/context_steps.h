/* SPDX-License-Identifier: MIT */
/* x86-64: offsets that the steps share with C. */
#ifndef TFD_X86_64_STEPS_H
#define TFD_X86_64_STEPS_H

#define STEP_VALUE 8
#define STEP_SIZE 16

#define STACK_FLAGS 0
#define STACK_OFFSET 4
#define STACK_SIZE 8
#define STACK_DATA 12
#define STACK_SET_SP 1

/* Where the last step leaves the PC while it loads r10, below the stack pointer. */
#define PC_NEAR 8
#define PC_FAR 128

#endif
