/* SPDX-License-Identifier: MIT */
/* The plan entry's dispatch: from the frame to the handler of libffi's kind. */
#include "entry.h"
#include "plan.h"

#include <string.h>

/* Arguments whose words are not side by side in the frame are put so. */
static void gather(const struct tfd_plan *plan, const char *frame, void **arguments,
                   struct tfd_gathered *values)
{
    for (unsigned i = 0; i < plan->gather_count; i++) {
        const struct tfd_gather *one = &plan->gathers[i];

        memcpy(&values[i].words[0], frame + one->from[0], sizeof(uintptr_t));
        memcpy(&values[i].words[1], frame + one->from[1], sizeof(uintptr_t));
        arguments[one->argument] = values[i].words;
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
static inline __attribute__((always_inline)) struct tfd_words
call(char *frame, const union tfd_record *record, void *last)
{
    const struct tfd_plan *plan = record->plan.plan;
    enum tfd_result kind = plan->result;
    void *arguments[plan->count + 1];
    struct tfd_gathered values[plan->gather_count + 1];
    void *result = frame + plan->result_offset;

    find_arguments(plan, frame, arguments, values);
    if (kind == TFD_RESULT_MEMORY)
        result = *(void **)frame;

    record->closure.fun(record->closure.cif, result, arguments, last);

    if (kind == TFD_RESULT_MEMORY)
        return (struct tfd_words){(uintptr_t)result, 0};
    return tfd_plan_words(kind, frame);
}

struct tfd_words tfd_plan_call(char *frame, const union tfd_record *record)
{
    return call(frame, record, record->closure.user_data);
}

struct tfd_words tfd_plan_call_with_record(char *frame, const union tfd_record *record)
{
    return call(frame, record, (void *)record);
}

/* The same for signatures without arguments, whose results come in registers. */
static struct tfd_words call_without_arguments(char *frame, const union tfd_record *record)
{
    const struct tfd_plan *plan = record->plan.plan;
    enum tfd_result kind = plan->result;
    void *arguments[1]; /* a vector, if an empty one */

    record->closure.fun(record->closure.cif, frame + plan->result_offset, arguments,
                        record->closure.user_data);
    return tfd_plan_words(kind, frame);
}

static int set(union tfd_record *record, tfd_dispatch *dispatch, const struct tfd_plan *plan)
{
    if (!plan)
        return 0;
    record->plan.entry = plan->entry;
    record->plan.plan = plan;
    if (dispatch == tfd_plan_call && plan->count == 0 && plan->result != TFD_RESULT_MEMORY)
        dispatch = call_without_arguments;
    record->plan.dispatch = dispatch;
    record->plan.tail = plan->tail;
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
