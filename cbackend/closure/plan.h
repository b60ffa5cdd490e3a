/* SPDX-License-Identifier: MIT */
/*
 * A plan: one signature, classified once.  At each call the entry spills the argument registers
 * that the signature uses into a frame on the stack.  The plan has the place of each argument in
 * that frame, or above it, where the caller's stack arguments are.
 *
 * All closures of a signature share one plan, which is counted; unused plans are kept for a while.
 */
#ifndef TFD_PLAN_H
#define TFD_PLAN_H

#include "arch/port.h"

/*
 * Kinds of results: what to do after the handler has stored one.  Two are common to all ports: four
 * bytes, widened to fill the register, because most callbacks return an int; and a result
 * in memory whose address is returned.  The others are the port's own.
 */
enum { TFD_RESULT_32, TFD_RESULT_ADDRESS, TFD_RESULT_OF_PORT };

/*
 * An argument whose pieces arrive apart from each other, or with less alignment than its type
 * requires.  They are copied to one place.  One without pieces arrives by reference: the caller
 * leaves a copy to the callee, whose address is at the first offset.
 */
#define TFD_PIECES 4

struct tfd_gather {
    unsigned argument;
    unsigned count, size; /* of the pieces, in bytes */
    int from[TFD_PIECES]; /* their offsets in the frame */
};

struct tfd_gathered {
    _Alignas(16) char bytes[TFD_PIECES * 8];
};

struct tfd_plan;

/* What changes of a plan. */
struct tfd_plan_use {
    struct tfd_plan_use *next; /* in the bucket of the cache, or of those that are spare */
    struct tfd_plan *plan;
    unsigned references; /* from records, including dead ones, and from magazines */
    unsigned room; /* bytes of sealed memory at `plan`; 0: it has memory that can be written */
};

/*
 * A plan decides where a call reads and stores.  So it lies in memory that cannot be written, where
 * the kernel permits that.
 */
struct tfd_plan {
    struct tfd_plan_use *use;
    unsigned cache; /* number of the cache that contains it */
    unsigned hash;
    unsigned key_size;
    const unsigned char *key;

    tfd_entry *entry;
    tfd_entry *tail;
    tfd_entry *direct;  /* calls a handler of libffi's kind without tail and dispatch; or NULL */
    tfd_dispatch *call; /* does what tfd_plan_call() does, in the fewest instructions */
    unsigned result;    /* its kind */
    int result_offset;  /* of the result in the frame, or of its address if it is in memory */
    int is_in_memory;
    unsigned count;
    unsigned gather_count;
    struct tfd_gather *gathers;
    int offsets[]; /* of each argument, from the frame's start */
};

/* The address of argument `index`, unless it is gathered. */
static inline void *tfd_plan_argument(const struct tfd_plan *plan, char *frame, unsigned index)
{
    return frame + plan->offsets[index];
}

/* The place of the result of a call. */
static inline void *tfd_plan_result(const struct tfd_plan *plan, char *frame)
{
    void *place = frame + plan->result_offset;

    return __builtin_expect(plan->is_in_memory, 0) ? *(void **)place : place;
}

/*
 * Ends a call whose result is in its place: returns what the dispatch has to return.  The plan may
 * have been freed by then.
 */
static inline struct tfd_return_words tfd_plan_return(unsigned kind, char *frame)
{
    if (kind >= TFD_RESULT_OF_PORT)
        return tfd_port_finish(kind, frame);
    if (kind == TFD_RESULT_32)
        return (struct tfd_return_words){(uintptr_t)*(TFD_PORT_INT32 *)(frame + TFD_PORT_RESULT_32),
                                         0};
    return (struct tfd_return_words){*(uintptr_t *)(frame + TFD_PORT_RESULT_ADDRESS), 0};
}

/*
 * Fills in the addresses of all arguments.  Those that are gathered are put into `values`, which
 * has space for gather_count of them.
 */
void tfd_plan_arguments(const struct tfd_plan *plan, char *frame, void **arguments,
                        struct tfd_gathered *values);

/* Calls the record's `fun` as libffi would.  The dispatch of the plan entry. */
tfd_dispatch tfd_plan_call;

/* The function for a plan's `call`. */
tfd_dispatch *tfd_plan_fastest_call(const struct tfd_plan *plan);

/* The same, with the record in place of the user data. */
tfd_dispatch tfd_plan_call_with_record;

/*
 * The plan of a signature, with a reference for the caller; NULL if only libffi can marshal the
 * signature, or if there is no memory for a plan.
 */
const struct tfd_plan *tfd_plan_get(const ffi_cif *cif);
void tfd_plan_put(const struct tfd_plan *plan);

/*
 * A plan that is compiled anew and in no cache, for the caller to free(3); NULL as above.  The cif
 * is one that has a plan.
 */
struct tfd_plan *tfd_plan_compile(const ffi_cif *cif);

/*
 * The same from the signature that a plan was made of, without the cif: reads nothing but that plan.
 * -ENOMEM; or -EBADMSG if it no longer describes a signature.
 */
int tfd_plan_compile_again(const struct tfd_plan *plan, struct tfd_plan **made);

/*
 * Does the cache have a plan at that address?  Any may be passed.  Are all plans of the process in
 * it, as they are but for a child that began another cache?  Both need the lock.
 */
int tfd_plan_is_cached_locked(const struct tfd_plan *plan);
int tfd_plans_are_cached_locked(void);

/*
 * tfd_plan_get() and tfd_plan_put() for callers that are inside; those outside may get NULL in a
 * signal handler.  References come from the thread's magazine, if that has any to this plan, else
 * from the cache by the lock.
 */
const struct tfd_plan *tfd_plan_get_inside(const ffi_cif *cif);
void tfd_plan_put_inside(const struct tfd_plan *plan);

/* In the child of a fork, see base/lock.h. */
void tfd_plans_in_child(int torn);

/* Plans in the cache. */
unsigned tfd_plan_count(void);

#endif
