/* SPDX-License-Identifier: MIT */
/*
 * POWER, little-endian, with the ABI ELFv2.  Static chain register: r11, as in GCC and in libffi's Go
 * closures; scratch registers without an argument: r0 and r12.
 *
 * Who calls a function by a pointer puts its address into r12, by which it finds its table of
 * contents (TOC): a slot finds its record by that, and jumps to the entry with its address there.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 32
#define TFD_PORT_PAGE_MAX 65536
#define TFD_PORT_PROT_EXEC PROT_EXEC

/* libffi's ffi_prep_go_closure() takes any. */
#define TFD_PORT_LACKS_ABI(abi) ((abi) < FFI_LINUX || (abi) >= FFI_LAST_ABI)

/* Floats in aggregates that are passed in floating-point registers. */
#define TFD_PORT_HOMOGENEOUS_MAX 8

/* There are no plans. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 0

#endif
