/* SPDX-License-Identifier: MIT */
/* The plan entry's dispatch: from the frame to the handler of libffi's kind. */
#include "entry.h"
#include "plan.h"

#include <string.h>

/* Arguments whose pieces are not side by side in the frame are put so. */
static void gather(const struct tfd_plan *plan, const char *frame, void **arguments,
                   struct tfd_gathered *values)
{
    for (unsigned i = 0; i < plan->gather_count; i++) {
        const struct tfd_gather *one = &plan->gathers[i];

        for (unsigned piece = 0; piece < one->count; piece++)
            memcpy(values[i].bytes + piece * one->size, frame + one->from[piece], one->size);
        arguments[one->argument] = values[i].bytes;
    }
}

static inline __attribute__((always_inline)) void
find_arguments(const struct tfd_plan *plan, char *frame, void **arguments,
               struct tfd_gathered *values)
{
    for (unsigned i = 0; i < plan->count; i++)
        arguments[i] = tfd_plan_argument(plan, frame, i);
    if (__builtin_expect(plan->gather_count != 0, 0))
        gather(plan, frame, arguments, values);
}

void tfd_plan_arguments(const struct tfd_plan *plan, char *frame, void **arguments,
                        struct tfd_gathered *values)
{
    find_arguments(plan, frame, arguments, values);
}

/*
 * The handler may free the closure, and with it the last reference to the plan: what is
 * needed after the call is taken before it.
 */
static inline __attribute__((always_inline)) struct tfd_return_words
call(char *frame, const union tfd_record *record, void *last)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *arguments[plan->count + 1];
    struct tfd_gathered values[plan->gather_count + 1];
    void *result = tfd_plan_result(plan, frame);

    find_arguments(plan, frame, arguments, values);
    record->closure.fun(record->closure.cif, result, arguments, last);

    return tfd_plan_return(kind, result, frame);
}

struct tfd_return_words tfd_plan_call(char *frame, const union tfd_record *record)
{
    return call(frame, record, record->closure.user_data);
}

struct tfd_return_words tfd_plan_call_with_record(char *frame, const union tfd_record *record)
{
    return call(frame, record, (void *)record);
}

/* The same for signatures without arguments, whose results come in registers. */
static struct tfd_return_words call_without_arguments(char *frame, const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    unsigned kind = plan->result;
    void *result = frame + plan->result_offset;
    void *arguments[1]; /* a vector, if an empty one */

    record->closure.fun(record->closure.cif, result, arguments, record->closure.user_data);
    return tfd_plan_return(kind, result, frame);
}

static int set(union tfd_record *record, tfd_dispatch *dispatch, const struct tfd_plan *plan)
{
    if (!plan)
        return 0;
    record->plan.entry = plan->entry;
    record->plan.plan = plan;
    if (dispatch == tfd_plan_call && plan->count == 0 && !plan->is_in_memory)
        dispatch = call_without_arguments;
    record->plan.dispatch = dispatch;
    record->tail.entry = plan->tail;
    return 1;
}

int tfd_entry_plan_set(union tfd_record *record, tfd_dispatch *dispatch)
{
    return set(record, dispatch, tfd_plan_get(record->closure.cif));
}

int tfd_entry_plan_set_locked(union tfd_record *record, tfd_dispatch *dispatch)
{
    return set(record, dispatch, tfd_plan_get_locked(record->closure.cif));
}
