/* SPDX-License-Identifier: MIT */
/*
 * Closures larger than a record: memory from malloc(3), which the record's state word leads to.
 *
 * A table of addresses leads from the memory back to the slot, so any address that a program passes
 * can be looked up without reading memory there.  Nothing here takes a lock.
 */
#ifndef TFD_HEAP_H
#define TFD_HEAP_H

#include "slot/pool.h"

/* Bytes of a record that belong to the caller. */
#define TFD_HEAP_THRESHOLD sizeof(ffi_closure)

/* `size` zeroed bytes for a closure; NULL if out of memory. */
void *tfd_heap_new(size_t size);

/* Assign them to the slot, whose state is their address. */
void tfd_heap_attach(const void *closure, struct tfd_slot slot);

/* The slot that `closure` was allocated for, or ENOENT; any address may be passed. */
struct tfd_slot tfd_heap_find(const void *closure);

/* Was there ever a closure at this address, even if it has been freed? */
int tfd_heap_knows(const void *closure);

/*
 * The handler of a closure with memory of its own (its user data), where the program may store
 * later:  it reads what to call there at each call, as libffi's closures do.  A cif of another
 * signature ends the process with a message, because the arguments were read according to the
 * former one.
 */
void tfd_heap_call(ffi_cif *cif, void *result, void **arguments, void *closure);

/* Free the heap block that the slot's state word points to, if any. */
void tfd_heap_free(uintptr_t state);

#endif
