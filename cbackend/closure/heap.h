/* SPDX-License-Identifier: MIT */
/*
 * Closures larger than a record: memory from malloc(3), which the record's state word leads to.
 *
 * The way back, from the memory to the slot, is a table of addresses: whatever address a program
 * gives can be asked for without reading what lies there.  Nothing here takes a lock.
 */
#ifndef TFD_HEAP_H
#define TFD_HEAP_H

#include "slot/pool.h"

/* Bytes of a record that belong to the caller. */
#define TFD_HEAP_THRESHOLD sizeof(ffi_closure)

/* `size` zeroed bytes for a closure; NULL when out of memory. */
void *tfd_heap_new(size_t size);

/* They are that slot's, whose state is their address. */
void tfd_heap_attach(const void *closure, struct tfd_slot slot);

/* The slot that `closure` was allocated for, or -ENOENT; any address may be asked. */
int tfd_heap_find(const void *closure, struct tfd_slot *slot);

/* Was a closure ever at this address, be it freed by now? */
int tfd_heap_knows(const void *closure);

/*
 * The handler, and its user data, of a closure that has memory of its own in which the program may
 * store later: it calls what it finds there at each call, as libffi's closures do.  A cif of
 * another signature ends the process with a message: arguments were taken by the former one.
 */
void tfd_heap_call(ffi_cif *cif, void *result, void **arguments, void *closure);

/* Free what the slot's state word leads to, if that is a heap block. */
void tfd_heap_free(uintptr_t state);

#endif
