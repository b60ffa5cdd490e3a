/* SPDX-License-Identifier: MIT */
/*
 * Closures larger than a record: memory from malloc(3) whose header leads back to
 * the slot, while the record's state word leads to it.
 */
#ifndef TFD_HEAP_H
#define TFD_HEAP_H

#include "../trampoline/pool.h"

/* Bytes of a record that belong to the caller: all but the state word. */
#define TFD_HEAP_THRESHOLD offsetof(union tfd_record, owner.state)

/* `size` zeroed bytes for `slot`, which now knows them; NULL when out of memory. */
void *tfd_heap_alloc(struct tfd_slot slot, size_t size);

/* The slot that `closure` was allocated for, or -ENOENT; any readable address may be asked. */
int tfd_heap_find(const void *closure, struct tfd_slot *slot);

/* Free what the slot's state word leads to, if that is a heap block. */
void tfd_heap_free(uintptr_t state);

#endif
