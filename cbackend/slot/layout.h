/* SPDX-License-Identifier: MIT */
/*
 * Sizes of slots, records and blocks, for C and for assembly.  A record is eight words, whatever
 * the size of a word; what each word is for stands in record.h, which asserts these offsets.  Where
 * there are no slots, records are larger, so that an ffi_closure of any CPU fits.
 */
#ifndef TFD_LAYOUT_H
#define TFD_LAYOUT_H

#include "cpu.h" /* of the port: TFD_SLOT_SIZE */

#define TFD_WORD __SIZEOF_POINTER__

#define TFD_SLOTS 4096 /* of a block */
#ifndef TFD_RECORD_WORDS
#define TFD_RECORD_WORDS 8
#endif
#define TFD_RECORD_SIZE (TFD_RECORD_WORDS * TFD_WORD)

/* Code of a table starts at a multiple of this: all page sizes (4, 16 and 64 KiB) divide it. */
#define TFD_GRANULE 65536

#define RECORD_ENTRY (0 * TFD_WORD)
#define RECORD_CHAIN (1 * TFD_WORD)
#define RECORD_FUNCTION (1 * TFD_WORD)
#define RECORD_STEPS (1 * TFD_WORD)
#define RECORD_TARGET (2 * TFD_WORD)
#define RECORD_DISPATCH (2 * TFD_WORD)

#endif
