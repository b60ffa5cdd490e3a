/* SPDX-License-Identifier: MIT */
/*
 * Blocks of the table that were given back.  Their slots stay mapped and lead to records that are
 * all dead, so that a call through a pointer to a freed closure ends in a message.  The records'
 * memory is given back: the dead ones are the same for all blocks.  Both functions need the lock.
 */
#ifndef TFD_PARKED_H
#define TFD_PARKED_H

#include "slot/block.h"

/* Returns 0, or a negative errno with nothing changed: the caller unmaps the block. */
int tfd_park(const struct tfd_block *block);

/*
 * Make a block of the one that was parked last, with records of its own.  Returns 0 or a negative
 * errno; -ENOENT: none is parked.
 */
int tfd_unpark(struct tfd_block *block);

#endif
