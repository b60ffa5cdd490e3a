/* SPDX-License-Identifier: MIT */
/*
 * IBM Z with words of 64 bits, big-endian.  Static chain register: r0, as in GCC and in libffi's Go
 * closures; scratch register without an argument: r1.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 16
#define TFD_PORT_PAGE_MAX 4096
#define TFD_PORT_PROT_EXEC PROT_EXEC
#define TFD_PORT_LACKS_ABI(abi) 0

/* There are no plans. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 0

#endif
