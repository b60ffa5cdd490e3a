/* SPDX-License-Identifier: MIT */
/*
 * RISC-V with words of 64 bits.  Static chain register: t2, as in GCC and in libffi's Go closures;
 * scratch registers without an argument: t0, t1 and t3 to t6.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 32
#define TFD_PORT_PAGE_MAX 4096
#define TFD_PORT_PROT_EXEC PROT_EXEC
#define TFD_PORT_LACKS_ABI(abi) 0

/* Variadic arguments come in integer registers, some of them in pairs. */
#define TFD_PORT_IS_VARIADIC(cif) ((cif)->riscv_nfixedargs != (cif)->nargs)

/* Unsigned ones too. */
#define TFD_PORT_INT32 int32_t

/* In the frame, see frame.h. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 96

#endif
