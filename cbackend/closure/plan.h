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

#include "slot/record.h"

/* Where the result is put, and what remains to be done after the handler. */
enum tfd_result {
    TFD_RESULT_VOID,
    TFD_RESULT_U8,
    TFD_RESULT_S8,
    TFD_RESULT_U16,
    TFD_RESULT_S16,
    TFD_RESULT_32,
    TFD_RESULT_WORDS,   /* one or two words for the integer registers */
    TFD_RESULT_VECTOR,  /* one or two words for the vector registers; also x87, by the tail */
    TFD_RESULT_WORD_VECTOR,
    TFD_RESULT_VECTOR_WORD,
    TFD_RESULT_MEMORY,  /* through the pointer that the caller passed first */
};

/*
 * An argument whose two words arrive in an integer and in a vector register, or that is aligned to
 * more than a word.  They are copied to where they are together.
 */
struct tfd_gather {
    unsigned argument;
    int from[2]; /* offsets of its words in the frame */
};

struct tfd_plan {
    struct tfd_plan *next; /* in the bucket of the cache */
    unsigned references; /* by records, dead ones too */
    unsigned cache;      /* number of the cache that it is in */
    unsigned hash;
    unsigned key_size;
    unsigned char *key;

    tfd_entry *entry;
    tfd_entry *tail;
    enum tfd_result result;
    int result_offset; /* of the result in the frame; unused for TFD_RESULT_MEMORY */
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

struct tfd_gathered {
    _Alignas(16) uintptr_t words[2];
};

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

/* The integer return registers, once the result is at plan->result_offset. */
struct tfd_words tfd_plan_words(enum tfd_result result, char *frame);

/*
 * The plan of a signature, with a reference for the caller; NULL when the signature is one
 * that only libffi knows how to take, or there is no memory for a plan.
 */
const struct tfd_plan *tfd_plan_get(const ffi_cif *cif);
void tfd_plan_put(const struct tfd_plan *plan);

/* The same for who has the lock.  Without it a signal handler may be refused, which gives NULL. */
const struct tfd_plan *tfd_plan_get_locked(const ffi_cif *cif);
void tfd_plan_put_locked(const struct tfd_plan *plan);

/* Plans in the cache. */
unsigned tfd_plan_count(void);

/*
 * Of the port: fill entry, tail, result, result_offset, offsets and gathers (room for one
 * per argument) of a zeroed plan whose count is set.  Returns 0 when it cannot.
 */
int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif);

/* Of the port: is this one of the entries that tfd_port_plan() gives? */
int tfd_port_is_plan_entry(tfd_entry *entry);

#endif
