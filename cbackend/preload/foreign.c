/* SPDX-License-Identifier: MIT */
#include "foreign.h"

#include "arch/port.h"
#include "closure/closure.h"
#include "closure/heap.h"
#include "slot/pool.h"
#include "real_ffi.h"

#include <errno.h>
#include <stdatomic.h>

/* Answers for places in the program that allocate: twice the address, plus the answer. */
#define KNOWN 64

static _Atomic uintptr_t known[KNOWN];

int tfd_foreign_is_possible(const void *caller)
{
    uintptr_t place = (uintptr_t)caller << 1;
    _Atomic uintptr_t *at = &known[((uintptr_t)caller >> 2) % KNOWN];
    uintptr_t answer = atomic_load_explicit(at, memory_order_relaxed);

    if (!tfd_port_foreign)
        return 0;
    if ((answer & ~(uintptr_t)1) != place) {
        answer = place | (uintptr_t)!!tfd_real_ffi_is_ambiguous(caller);
        atomic_store_explicit(at, answer, memory_order_relaxed);
    }
    return answer & 1;
}

void *tfd_foreign_alloc(size_t size, void **code, struct trampfd_trail *trail)
{
    union tfd_record record = {.go.entry = tfd_port_foreign};
    struct tfd_slot slot;
    void *closure;
    int error;

    if (size <= TFD_HEAP_THRESHOLD)
        size = TFD_HEAP_THRESHOLD + 1;
    slot = tfd_closure_new(size, trail);
    if (!slot.block) {
        errno = -tfd_slot_error(slot);
        return NULL;
    }
    closure = tfd_closure_memory(slot);
    record.closure.user_data = closure;
    error = tfd_pool_store(slot, &record);
    if (error) {
        trampfd_closure_free(closure);
        errno = -error;
        return NULL;
    }
    *code = tfd_slot_code(slot);
    return closure;
}
