/* SPDX-License-Identifier: MIT */
/* x86-64 System V: what assembly and C share.  Static chain register: r10. */
#ifndef TFD_X86_64_H
#define TFD_X86_64_H

#define TFD_PORT_SLOT_SIZE 16
#define TFD_PORT_SLOTS 4096
#define TFD_PORT_RECORD_SIZE 64
#define TFD_PORT_GRANULE 65536
#define TFD_PORT_RECORD_CHAIN 8
#define TFD_PORT_RECORD_TARGET 16

/* Of the kernel's trampfd: the page size, and the names of two registers. */
#define TFD_PORT_PAGE 4096
#define TFD_PORT_CHAIN x64_r10
#define TFD_PORT_PC x64_rip

#ifndef __ASSEMBLER__
_Static_assert(TFD_PORT_SLOTS == TRAMPFD_BLOCK_SLOTS, "slots of a block");
_Static_assert(TFD_PORT_RECORD_SIZE == TFD_RECORD_SIZE, "record size");
_Static_assert(TFD_PORT_GRANULE == TFD_GRANULE, "granule");
_Static_assert(TFD_PORT_RECORD_CHAIN == offsetof(union tfd_record, chain.chain), "chain");
_Static_assert(TFD_PORT_RECORD_TARGET == offsetof(union tfd_record, chain.target), "target");
#endif

#endif
