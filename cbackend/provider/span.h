/* SPDX-License-Identifier: MIT */
/*
 * Address space for blocks, and for a copy of the built-in slots: code, and records at the same
 * distance from it as in the library itself.
 */
#ifndef TFD_SPAN_H
#define TFD_SPAN_H

#include <sys/types.h>

#include "slot/block.h"

/*
 * Address space that is not accessible, aligned to TFD_GRANULE as the index requires.  NULL with
 * errno set if there is none.  The caller unmaps it.
 */
char *tfd_span_reserve(size_t size);

/* Memory for the records of a block, writable, aligned in the same way. */
char *tfd_span_map_records(void);

/*
 * Reserve the span, map the slots of `fd` at `offset` read+execute, compare them
 * with the built-in ones, map the records read+write.  On success block->code,
 * ->records and ->shadow are set.  Returns 0 or a negative errno, with an attempt under
 * the name `source`; nothing stays mapped then.
 */
int tfd_span_map(struct tfd_block *block, int fd, off_t offset, const char *source,
                 struct trampfd_trail *trail);

void tfd_span_unmap(struct tfd_block *block);

#endif
