/* SPDX-License-Identifier: MIT */
/* x86-64 System V.  Static chain register: r10; scratch register without an argument: r11. */
#ifndef TFD_CPU_H
#define TFD_CPU_H

#define TFD_PORT_HAS_SLOTS 1
#define TFD_SLOT_SIZE 16
#define TFD_PORT_PAGE_MAX 4096
#define TFD_PORT_PROT_EXEC PROT_EXEC
#define TFD_PORT_LACKS_ABI(abi) 0

/* In the frame, see frame.h. */
#define TFD_PORT_RESULT_32 112
#define TFD_PORT_RESULT_ADDRESS 0

#endif
