/* SPDX-License-Identifier: MIT */
/*
 * AArch64, little-endian, with the procedure call standard AAPCS64.  Static chain register: x18, as
 * in GCC and in libffi's Go closures (Linux leaves "the platform register" to programs); scratch
 * registers without an argument: x16 and x17.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 32
#define TFD_PORT_PAGE_MAX 65536

/*
 * An indirect branch may lead to nothing but a landing pad.  CPUs and kernels that do not know this
 * protection ignore it in mmap(2).
 */
#define TFD_PORT_PROT_EXEC (PROT_EXEC | PROT_BTI)
#define TFD_PORT_LACKS_ABI(abi) 0

/* Floats in aggregates that are passed in vector registers. */
#define TFD_PORT_HOMOGENEOUS_MAX 4

/* In the frame, see frame.h. */
#define TFD_PORT_RESULT_32 160
#define TFD_PORT_RESULT_ADDRESS 16

#endif
