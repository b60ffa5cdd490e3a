/* SPDX-License-Identifier: MIT */
/*
 * A plan: one signature, classified once.  At each call the entry spills the argument
 * registers that the signature uses into a frame on the stack; the plan tells where in
 * that frame (or above it, where the caller's stack arguments lie) each argument starts.
 *
 * Plans are shared by all closures of a signature and counted; those that nobody uses are
 * kept for a while.
 */
#ifndef TFD_PLAN_H
#define TFD_PLAN_H

#include "arch/port.h"

/*
 * Kinds of results: what remains to be done once the handler has stored one.  Two are common: four
 * bytes, with zeros in the rest of the register, as an int is what most callbacks return; and a
 * result in memory whose address is returned.  The others are the port's own.
 */
enum { TFD_RESULT_32, TFD_RESULT_ADDRESS, TFD_RESULT_OF_PORT };

/*
 * An argument whose pieces arrive apart from each other, or with less alignment than its type has.
 * They are copied to where they are together.
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

struct tfd_plan {
    struct tfd_plan *next; /* in the bucket of the cache */
    unsigned references;   /* by records, dead ones too */
    unsigned cache;        /* number of the cache that it is in */
    unsigned hash;
    unsigned key_size;
    unsigned char *key;

    tfd_entry *entry;
    tfd_entry *tail;
    unsigned result;   /* its kind */
    int result_offset; /* of the result in the frame, or of its address if it is in memory */
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

/* Where the result of a call goes. */
static inline void *tfd_plan_result(const struct tfd_plan *plan, char *frame)
{
    void *place = frame + plan->result_offset;

    return __builtin_expect(plan->is_in_memory, 0) ? *(void **)place : place;
}

/*
 * The end of a call: what its dispatch returns, when the result of that kind is there.  The plan
 * may be gone by then.
 */
static inline struct tfd_return_words tfd_plan_return(unsigned kind, char *frame)
{
    if (kind >= TFD_RESULT_OF_PORT)
        return tfd_port_finish(kind, frame);
    if (kind == TFD_RESULT_32)
        return (struct tfd_return_words){*(uint32_t *)(frame + TFD_PORT_RESULT_32), 0};
    return (struct tfd_return_words){*(uintptr_t *)(frame + TFD_PORT_RESULT_ADDRESS), 0};
}

/*
 * Fills in the addresses of all arguments.  Those that are gathered are put into `values`, which
 * has room for gather_count of them.
 */
void tfd_plan_arguments(const struct tfd_plan *plan, char *frame, void **arguments,
                        struct tfd_gathered *values);

/* Calls the record's `fun` as libffi would.  The dispatch of the plan entry. */
tfd_dispatch tfd_plan_call;

/* The same, with the record in place of the user data. */
tfd_dispatch tfd_plan_call_with_record;

/*
 * The plan of a signature, with a reference for the caller; NULL when the signature is one
 * that only libffi knows how to take, or there is no memory for a plan.
 */
const struct tfd_plan *tfd_plan_get(const ffi_cif *cif);
void tfd_plan_put(const struct tfd_plan *plan);

/* The same for who has the lock.  Without it a signal handler may be refused, which gives NULL. */
const struct tfd_plan *tfd_plan_get_locked(const ffi_cif *cif);
void tfd_plan_put_locked(const struct tfd_plan *plan);

/* In the child of a fork, see base/lock.h. */
void tfd_plans_in_child(int torn);

/* Plans in the cache. */
unsigned tfd_plan_count(void);

#endif
