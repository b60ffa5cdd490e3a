/* SPDX-License-Identifier: MIT */
/*
 * LoongArch with words of 64 bits.  Slots put the record in t2, where libffi's Go closures expect it;
 * GCC's static chain register is t8.  Scratch registers without an argument: t0, t1 and t3 to t7.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 32
#define TFD_PORT_PAGE_MAX 65536
#define TFD_PORT_PROT_EXEC PROT_EXEC
#define TFD_PORT_LACKS_ABI(abi) 0

/* There are no plans. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 0

#endif
