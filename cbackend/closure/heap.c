/* SPDX-License-Identifier: MIT */
/*
 * Addresses are entered into a table for good, so that a closure freed for the second time is
 * known; that malloc(3) hands out most of them again keeps it small.  When a table is half full the
 * next one, twice as large, takes what comes; none is ever copied or given back.  So a reader needs
 * no lock, writers need no more than one compare-and-swap, and each store leaves it whole.
 *
 * Memory of freed closures is kept for a while: a call that was on its way in may still read it.
 */
#include "heap.h"

#include "base/fatal.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define FIRST_SIZE ((size_t)256)
#define TABLES 40

struct row {
    _Atomic uintptr_t closure; /* 0: free; never changes once it is set */
    _Atomic uintptr_t shadow;  /* of the record that leads to it; 0 while there is none */
};

struct table {
    atomic_size_t used;
    struct row rows[];
};

static struct table *_Atomic tables[TABLES];

/* Freed blocks, oldest first; larger ones are given back at once. */
#define KEPT 1024
#define KEPT_SIZE_MAX 1024

static struct {
    void *_Atomic blocks[KEPT];
    atomic_uint next;
} kept;

/* What malloc(3) gave, and how much was asked for. */
struct block {
    size_t size;
    _Alignas(max_align_t) char closure[];
};

static struct block *block_of(uintptr_t closure)
{
    return (struct block *)(closure - offsetof(struct block, closure));
}

static size_t size_of(unsigned number)
{
    return FIRST_SIZE << number;
}

/* Fibonacci hashing: the upper half of the product depends on all bits of the address. */
static size_t start_of(uintptr_t closure, unsigned number)
{
    return ((uint64_t)closure * 0x9e3779b97f4a7c15u >> 32) % size_of(number);
}

static struct row *find_in(struct table *table, unsigned number, uintptr_t closure)
{
    size_t size = size_of(number);

    for (size_t i = start_of(closure, number);; i = (i + 1) % size) {
        uintptr_t found = atomic_load_explicit(&table->rows[i].closure, memory_order_acquire);

        if (found == closure)
            return &table->rows[i];
        if (!found)
            return NULL;
    }
}

static struct row *find(uintptr_t closure)
{
    struct table *table;

    for (unsigned i = 0; i < TABLES && (table = atomic_load(&tables[i])); i++) {
        struct row *row = closure ? find_in(table, i, closure) : NULL;

        if (row)
            return row;
    }
    return NULL;
}

/* The table of that number, made if it is not there; NULL when out of memory. */
static struct table *get(unsigned number)
{
    struct table *table = atomic_load(&tables[number]), *made;

    if (table)
        return table;
    made = calloc(1, sizeof(*made) + size_of(number) * sizeof(struct row));
    if (made && !atomic_compare_exchange_strong(&tables[number], &table, made))
        free(made);
    return table ? table : made;
}

/* At most half of the rows are claimed, so there is a free one. */
static struct row *claim(struct table *table, unsigned number, uintptr_t closure)
{
    size_t size = size_of(number);

    for (size_t i = start_of(closure, number);; i = (i + 1) % size) {
        uintptr_t none = 0;

        if (atomic_compare_exchange_strong(&table->rows[i].closure, &none, closure))
            return &table->rows[i];
    }
}

/* The row of an address, which nobody else enters meanwhile: it is the caller's. */
static struct row *enter(uintptr_t closure)
{
    struct row *row = find(closure);

    for (unsigned i = 0; i < TABLES && !row; i++) {
        struct table *table = get(i);

        if (!table)
            return NULL;
        if (atomic_fetch_add(&table->used, 1) < size_of(i) / 2)
            row = claim(table, i, closure);
        else
            atomic_fetch_sub(&table->used, 1);
    }
    return row;
}

void *tfd_heap_new(size_t size)
{
    struct block *block = NULL;

    if (size <= SIZE_MAX - sizeof(*block))
        block = calloc(1, sizeof(*block) + size);
    if (!block)
        return NULL;
    if (!enter((uintptr_t)block->closure)) {
        free(block);
        return NULL;
    }
    block->size = size;
    return block->closure;
}

void tfd_heap_attach(const void *closure, struct tfd_slot slot)
{
    struct row *row = find((uintptr_t)closure);

    atomic_store_explicit(&row->shadow, (uintptr_t)tfd_slot_shadow(slot), memory_order_release);
}

struct tfd_slot tfd_heap_find(const void *closure)
{
    struct row *row = find((uintptr_t)closure);
    uintptr_t shadow = row ? atomic_load_explicit(&row->shadow, memory_order_acquire) : 0;
    struct tfd_slot slot = tfd_pool_find_closure((const void *)shadow);

    if (!slot.block || tfd_slot_state(slot) != (uintptr_t)closure)
        return tfd_slot_none(-ENOENT);
    return slot;
}

int tfd_heap_knows(const void *closure)
{
    return find((uintptr_t)closure) != NULL;
}

static int are_equal(const ffi_type *one, const ffi_type *other)
{
    ffi_type **element = one->elements, **of_other = other->elements;

    if (one == other)
        return 1;
    if (one->type != other->type || one->size != other->size || one->alignment != other->alignment
        || !element != !of_other)
        return 0;
    for (; element && *element && *of_other; element++, of_other++)
        if (!are_equal(*element, *of_other))
            return 0;
    return !element || *element == *of_other;
}

static int have_one_signature(const ffi_cif *one, const ffi_cif *other)
{
    unsigned i = 0;

    if (one->abi != other->abi || one->nargs != other->nargs
        || !are_equal(one->rtype, other->rtype))
        return 0;
    while (i < one->nargs && are_equal(one->arg_types[i], other->arg_types[i]))
        i++;
    return i == one->nargs;
}

void tfd_heap_call(ffi_cif *cif, void *result, void **arguments, void *memory)
{
    const ffi_closure *closure = memory;
    ffi_cif *now = closure->cif;

    if (__builtin_expect(now != cif, 0) && !have_one_signature(now, cif))
        tfd_fatal("call of a closure whose cif was replaced by one of another signature", closure);
    closure->fun(now, result, arguments, closure->user_data);
}

void tfd_heap_free(uintptr_t state)
{
    struct block *block = block_of(state);
    struct row *row;

    if (tfd_state_is_free(state) || state == TFD_STATE_USED)
        return;
    row = find(state);
    if (row)
        atomic_store_explicit(&row->shadow, 0, memory_order_release);
    if (block->size <= KEPT_SIZE_MAX)
        block = atomic_exchange(&kept.blocks[atomic_fetch_add(&kept.next, 1) % KEPT], block);
    free(block);
}
