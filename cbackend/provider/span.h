/* SPDX-License-Identifier: MIT */
/*
 * Address space for blocks, and for a copy of the built-in slots: code, and records at the same
 * distance from it as in the library itself.
 */
#ifndef TFD_SPAN_H
#define TFD_SPAN_H

#include <sys/types.h>

#include "arena.h"

/*
 * Address space that is not accessible, aligned to TFD_GRANULE as the index requires.  NULL with
 * errno set if there is none.  The caller unmaps it.
 */
char *tfd_span_reserve(size_t size);

/* Memory for the records of a block, writable, aligned in the same way. */
char *tfd_span_map_records(void);

/*
 * Consecutive copies of the slots, TFD_RECORD_BYTES from one to the next, whose records lie in one
 * piece.  The records of more than one copy begin at the border of a huge page.
 */
struct tfd_span {
    char *code; /* of the first one */
    unsigned count;
    int advice; /* to madvise(2) about the records; 0: none */
};

/*
 * Map `span->count` copies: reserve the span, map the slots of `fd` at `offset` read+execute,
 * compare them with the built-in ones, map the records read+write.  On success span->code is set.
 * Returns 0 or a negative errno, with an attempt under the name `source`; nothing stays mapped
 * then.
 */
int tfd_span_map(struct tfd_span *span, int fd, off_t offset, const char *source,
                 struct trampfd_trail *trail);

/* Make the first copy a block of its own, which is no longer in the span. */
void tfd_span_take(struct tfd_span *span, struct tfd_block *block);

/* Unmap what is in the span; and a block that was taken from one. */
void tfd_span_drop(struct tfd_span *span);
void tfd_span_unmap(struct tfd_block *block);

#endif
