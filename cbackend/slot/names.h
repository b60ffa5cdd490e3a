/* SPDX-License-Identifier: MIT */
/*
 * What messages call a slot once it is freed: a text for each slot of a block, set by its owner.
 *
 * With TRAMPFD_DEBUG the texts may be longer, for they then say who made and freed the closure.
 */
#ifndef TFD_NAMES_H
#define TFD_NAMES_H

#include "slot.h"

/* Bytes of a name and of what debugging adds, with the null character. */
#define TFD_NAME_SIZE 40
#define TFD_NAME_SIZE_DEBUG 320

/* Get memory for the names of the block, if there is none.  Returns 0 or -ENOMEM. */
int tfd_names_get_locked(struct tfd_block *block);

static inline int tfd_names_exist(const struct tfd_block *block)
{
    return __atomic_load_n(&block->names, __ATOMIC_ACQUIRE) != NULL;
}

/*
 * Names exist.  A name that is too long is cut; NULL stands for none; nothing happens if the slot
 * is free.
 */
void tfd_name_write(struct tfd_slot slot, const char *name);

/* "" if it has none. */
const char *tfd_name_read(struct tfd_slot slot);

#endif
