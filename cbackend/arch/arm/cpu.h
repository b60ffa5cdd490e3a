/* SPDX-License-Identifier: MIT */
/*
 * 32-bit Arm, little-endian, with the procedure call standard AAPCS32, whether floats come in vector
 * registers (armhf) or not (armel).  Static chain register: r12 (ip), as in GCC and in libffi's Go
 * closures.  There is no other register without an argument.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 16
#define TFD_PORT_PAGE_MAX 65536
#define TFD_PORT_PROT_EXEC PROT_EXEC
#define TFD_PORT_LACKS_ABI(abi) 0

/* Floats in aggregates that are passed in vector registers. */
#define TFD_PORT_HOMOGENEOUS_MAX 4

/* There are no plans. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 0

#endif
