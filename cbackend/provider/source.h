/* SPDX-License-Identifier: MIT */
/*
 * Sources of blocks beyond the built-in one.  Each maps a span of as many copies as are set, and
 * returns 0, or a negative errno with the failed attempt on the trail.  No descriptor outlives the
 * call.
 */
#ifndef TFD_SOURCE_H
#define TFD_SOURCE_H

#include <sys/types.h>

#include "span.h"

/*
 * The slots in the ELF file that this library was loaded from, mapped once more.  The loader is
 * asked for its name when the library is loaded, by the first of the two functions.
 */
void tfd_source_own_file_init(void);
int tfd_source_own_file(struct tfd_span *span, struct trampfd_trail *trail);

/* A sealed memfd with a copy of the slots; no mapping of it is ever writable. */
int tfd_source_memfd(struct tfd_span *span, struct trampfd_trail *trail);

/*
 * Does `fd` hold the slots at `offset`?  Reads, and maps nothing, so a file that
 * is not ours never gets an executable mapping.  Returns 0 or a positive errno
 * (ESTALE: other contents).
 */
int tfd_source_compare(int fd, off_t offset);

#endif
