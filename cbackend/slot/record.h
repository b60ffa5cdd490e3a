/* SPDX-License-Identifier: MIT */
/*
 * The record: all that differs from closure to closure, eight words of data.
 *
 * A live record *is* the ffi_closure.  Its tramp[] bytes, which stock libffi
 * fills with code, hold what a Go closure of libffi holds (entry, cif, handler);
 * the static chain register points at the record when the entry runs.
 */
#ifndef TFD_RECORD_H
#define TFD_RECORD_H

#include <stddef.h>
#include <stdint.h>
#include <ffi.h>

#include "layout.h"

/*
 * The index of the word that is left beside a Go closure of libffi, ffi_closure and the state:
 * the last of four in tramp[], or, where that is shorter, the one behind ffi_closure.
 */
#define TFD_TAIL_WORD (FFI_TRAMPOLINE_SIZE >= 4 * TFD_WORD ? 3 : 6)

typedef void tfd_entry(void);
union tfd_record;

/* What a C function leaves in the two integer return registers. */
struct tfd_return_words {
    uintptr_t first, second;
};

typedef struct tfd_return_words tfd_dispatch(char *frame, const union tfd_record *record);

union tfd_record {
    ffi_closure closure;
    struct {
        tfd_entry *entry; /* what the slot jumps to; stored last, with release order */
        ffi_cif *cif;
        void (*handler)(ffi_cif *, void *, void **, void *);
    } go;
    struct {
        tfd_entry *entry;            /* spills what the signature uses, see closure/plan.h */
        const struct tfd_plan *plan; /* counted */
        tfd_dispatch *dispatch;      /* what the tail calls */
    } plan;
    struct {
        uintptr_t others[TFD_TAIL_WORD];
        tfd_entry *entry; /* of a plan: a copy of its tail, for ports whose entries read it here */
    } tail;
    struct {
        tfd_entry *entry;       /* puts closure.user_data in its place, see bind/bind.c */
        void (*function)(void); /* where it jumps then */
    } bound;
    struct {
        tfd_entry *entry;
        const struct tfd_step *steps; /* owned by the trampoline, see trampoline/steps.h */
    } context;
    struct {
        tfd_entry *entry;
        void *chain; /* what the target finds in the static chain register */
        tfd_entry *target;
        union tfd_record *older; /* of the same thread, see nested/nested.c */
        uintptr_t low, high;     /* addresses in the frame of the function around the target */
    } chain;
    struct {
        char body[TFD_RECORD_SIZE - sizeof(uintptr_t)];
        uintptr_t state; /* one of TFD_STATE_*, a freed slot's, or the caller's heap block */
    } owner;
    uintptr_t words[TFD_RECORD_SIZE / sizeof(uintptr_t)];
};

/*
 * Freeing changes nothing else of a record than its entry and its state: a call that passed the
 * slot before reads what it would have read.
 */
#define TFD_STATE_FRESH ((uintptr_t)0)     /* never handed out */
#define TFD_STATE_USED ((uintptr_t)1)      /* the record itself is the caller's memory */
#define TFD_STATE_CONTEXT ((uintptr_t)2)   /* no closure: a trampoline owns the slot */
#define TFD_STATE_CHAIN ((uintptr_t)3)     /* no closure: a nested function's pointer */
#define TFD_STATE_PERMANENT ((uintptr_t)5) /* as used, but it is never freed */

_Static_assert(sizeof(void *) == TFD_WORD, "a word holds a pointer");
_Static_assert(sizeof(union tfd_record) == TFD_RECORD_SIZE, "size of a record");
_Static_assert(sizeof(ffi_closure) <= offsetof(union tfd_record, owner.state),
               "ffi_closure leaves the last word of a record free");
_Static_assert(offsetof(union tfd_record, go.entry) == RECORD_ENTRY, "slots jump through word 0");
_Static_assert(sizeof(ffi_go_closure) == offsetof(union tfd_record, go.handler) + sizeof(void *)
                   && sizeof(ffi_go_closure) <= FFI_TRAMPOLINE_SIZE,
               "the first words are libffi's Go closure, and end before ffi_closure's cif");
_Static_assert(offsetof(union tfd_record, plan.dispatch) == RECORD_DISPATCH, "dispatch");
_Static_assert(offsetof(union tfd_record, tail.entry) + sizeof(void *)
                       <= offsetof(union tfd_record, closure.cif)
                   || offsetof(union tfd_record, tail.entry) >= sizeof(ffi_closure),
               "the tail lies beside ffi_closure");
_Static_assert(offsetof(union tfd_record, tail.entry) < offsetof(union tfd_record, owner.state),
               "the tail lies before the state");
_Static_assert(offsetof(union tfd_record, bound.function) == RECORD_FUNCTION, "function");
_Static_assert(offsetof(union tfd_record, context.steps) == RECORD_STEPS, "steps");
_Static_assert(offsetof(union tfd_record, chain.chain) == RECORD_CHAIN
                   && offsetof(union tfd_record, chain.target) == RECORD_TARGET,
               "chain, target");
_Static_assert(offsetof(union tfd_record, chain.high) + sizeof(uintptr_t)
                   <= offsetof(union tfd_record, owner.state),
               "the chain ends before the state");

/*
 * The state of a freed slot: the slot that was freed next after it (its index + 1, 0: none was),
 * whether the record still holds a reference to a plan, and whether a thread keeps the slot in its
 * magazine, so that it is in no list.  No heap block has an address like this.
 */
#define TFD_STATE_FREED ((uintptr_t)4)
#define TFD_STATE_FREED_MASK ((uintptr_t)7)
#define TFD_STATE_HOLDS_PLAN ((uintptr_t)8)
#define TFD_STATE_KEPT ((uintptr_t)16)
#define TFD_STATE_NEXT_SHIFT 5

static inline int tfd_state_is_freed(uintptr_t state)
{
    return (state & TFD_STATE_FREED_MASK) == TFD_STATE_FREED;
}

static inline int tfd_state_is_free(uintptr_t state)
{
    return state == TFD_STATE_FRESH || tfd_state_is_freed(state);
}

/* Used or permanent: one comparison. */
static inline int tfd_state_is_closure(uintptr_t state)
{
    return (state & ~(TFD_STATE_USED ^ TFD_STATE_PERMANENT)) == TFD_STATE_USED;
}

static inline uintptr_t tfd_state_next(uintptr_t state)
{
    return state >> TFD_STATE_NEXT_SHIFT;
}

/*
 * Store a record where slots read it: the entry last.  Word by word, as the record was written: a
 * wider load would have to wait until the words it spans have left the store buffer.
 */
static inline void tfd_record_store(union tfd_record *to, const union tfd_record *record)
{
#pragma GCC unroll 8
    for (size_t i = 1; i < sizeof(to->words) / sizeof(to->words[0]); i++)
        __atomic_store_n(&to->words[i], record->words[i], __ATOMIC_RELAXED);
    __atomic_store_n(&to->go.entry, record->go.entry, __ATOMIC_RELEASE);
}

/* Read a record that another thread may be storing: each word is an old one or a new one. */
static inline void tfd_record_load(union tfd_record *to, const union tfd_record *from)
{
    to->go.entry = __atomic_load_n(&from->go.entry, __ATOMIC_ACQUIRE);
    for (size_t i = 1; i < sizeof(to->words) / sizeof(to->words[0]); i++)
        to->words[i] = __atomic_load_n(&from->words[i], __ATOMIC_RELAXED);
}

#endif
