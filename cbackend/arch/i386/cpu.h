/* SPDX-License-Identifier: MIT */
/*
 * i386, System V.  Static chain register: ecx, as in GCC and in libffi's Go closures; scratch
 * register without an argument: eax.
 */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 32
#define TFD_PORT_PAGE_MAX 4096
#define TFD_PORT_PROT_EXEC PROT_EXEC

/* With these, ecx carries an argument, and eax is the static chain register. */
#define TFD_PORT_LACKS_ABI(abi) ((abi) == FFI_THISCALL || (abi) == FFI_FASTCALL)

/* There are no plans. */
#define TFD_PORT_RESULT_32 0
#define TFD_PORT_RESULT_ADDRESS 0

#endif
