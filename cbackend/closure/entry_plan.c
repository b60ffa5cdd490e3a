/* SPDX-License-Identifier: MIT */
/* The plan entry's dispatch: from the frame to the handler of libffi's kind. */
#include "entry.h"
#include "plan.h"

#include <string.h>

typedef void gather_function(const struct tfd_plan *plan, const char *frame, void **arguments,
                             struct tfd_gathered *values);

/* Copies arguments whose pieces are not adjacent in the frame, and follows references. */
static void gather(const struct tfd_plan *plan, const char *frame, void **arguments,
                   struct tfd_gathered *values)
{
    for (unsigned i = 0; i < plan->gather_count; i++) {
        const struct tfd_gather *one = &plan->gathers[i];

        for (unsigned piece = 0; piece < one->count; piece++)
            memcpy(values[i].bytes + piece * one->size, frame + one->from[piece], one->size);
        arguments[one->argument] =
            one->count ? values[i].bytes : *(void *const *)(frame + one->from[0]);
    }
}

/* The same if each has two pieces of 8 bytes. */
static inline void gather_words(const struct tfd_plan *plan, const char *frame, void **arguments,
                                struct tfd_gathered *value)
{
    const struct tfd_gather *end = plan->gathers + plan->gather_count;

    for (const struct tfd_gather *one = plan->gathers; one < end; one++, value++) {
        arguments[one->argument] = value->bytes;
        memcpy(value->bytes, frame + one->from[0], 8);
        memcpy(value->bytes + 8, frame + one->from[1], 8);
    }
}

static inline __attribute__((always_inline)) void find_arguments(const struct tfd_plan *plan,
                                                                 char *frame, void **arguments,
                                                                 gather_function *gather_all,
                                                                 struct tfd_gathered *values)
{
    for (unsigned i = 0; i < plan->count; i++)
        arguments[i] = tfd_plan_argument(plan, frame, i);
    if (gather_all)
        gather_all(plan, frame, arguments, values);
}

void tfd_plan_arguments(const struct tfd_plan *plan, char *frame, void **arguments,
                        struct tfd_gathered *values)
{
    find_arguments(plan, frame, arguments, gather, values);
}

/*
 * The handler may free the closure, and with it the last reference to the plan: what is
 * needed after the call is read before it.  `gather_all` is NULL if nothing is gathered.
 */
static inline __attribute__((always_inline)) struct tfd_return_words
call(char *frame, const union tfd_record *record, void *last, void **arguments,
     gather_function *gather_all, struct tfd_gathered *values)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *result = tfd_plan_result(plan, frame);

    find_arguments(plan, frame, arguments, gather_all, values);
    record->closure.fun(record->closure.cif, result, arguments, last);

    return tfd_plan_return(kind, frame);
}

struct tfd_return_words tfd_plan_call(char *frame, const union tfd_record *record)
{
    void *arguments[record->plan.plan->count + 1];
    struct tfd_gathered values[record->plan.plan->gather_count + 1];

    return call(frame, record, record->closure.user_data, arguments, gather, values);
}

struct tfd_return_words tfd_plan_call_with_record(char *frame, const union tfd_record *record)
{
    void *arguments[record->plan.plan->count + 1];
    struct tfd_gathered values[record->plan.plan->gather_count + 1];

    return call(frame, record, (void *)record, arguments, gather, values);
}

/*
 * The same for signatures of no more than so many arguments, as nearly all are.  The array has a
 * constant size, which takes no probe of the stack; and no guard of it, where all that a handler
 * may write to lies in the frame of the entry, not in this one.
 */
#define FEW 16
#define FEW_GATHERED 2

#if defined(__has_attribute) && __has_attribute(no_stack_protector)
#define UNGUARDED __attribute__((no_stack_protector))
#else
#define UNGUARDED
#endif

static UNGUARDED struct tfd_return_words call_few(char *frame, const union tfd_record *record)
{
    void *arguments[FEW];

    return call(frame, record, record->closure.user_data, arguments, NULL, NULL);
}

/* Handlers write to these arguments, which lie here: with a guard of the stack. */
static struct tfd_return_words call_few_gathered(char *frame, const union tfd_record *record)
{
    void *arguments[FEW];
    struct tfd_gathered values[FEW_GATHERED];

    return call(frame, record, record->closure.user_data, arguments, gather_words, values);
}

/* The same for signatures without arguments, whose results come in registers. */
static UNGUARDED struct tfd_return_words call_without_arguments(char *frame,
                                                                const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *result = frame + plan->result_offset;
    void *arguments[1]; /* a vector, if an empty one */

    record->closure.fun(record->closure.cif, result, arguments, record->closure.user_data);
    return tfd_plan_return(kind, frame);
}

static int gathers_words(const struct tfd_plan *plan)
{
    for (unsigned i = 0; i < plan->gather_count; i++)
        if (plan->gathers[i].size != 8 || plan->gathers[i].count != 2)
            return 0;
    return 1;
}

tfd_dispatch *tfd_plan_fastest_call(const struct tfd_plan *plan)
{
    if (plan->count > FEW || plan->gather_count > FEW_GATHERED)
        return tfd_plan_call;
    if (plan->gather_count)
        return gathers_words(plan) ? call_few_gathered : tfd_plan_call;
    return plan->count || plan->is_in_memory ? call_few : call_without_arguments;
}

static inline void set(union tfd_record *record, tfd_dispatch *dispatch,
                       const struct tfd_plan *plan)
{
    int is_plain_call = dispatch == tfd_plan_call;

    record->plan.entry = is_plain_call && plan->direct ? plan->direct : plan->entry;
    record->plan.plan = plan;
    record->plan.dispatch = is_plain_call ? plan->call : dispatch;
    record->tail.entry = plan->tail;
}

void tfd_entry_plan_set_to(union tfd_record *record, tfd_dispatch *dispatch,
                           const struct tfd_plan *plan)
{
    set(record, dispatch, plan);
}

int tfd_entry_plan_set_inside(union tfd_record *record, tfd_dispatch *dispatch)
{
    const struct tfd_plan *plan = tfd_plan_get_inside(record->closure.cif);

    if (plan)
        set(record, dispatch, plan);
    return plan != NULL;
}
