/* SPDX-License-Identifier: MIT */
/* Is a plan what the compiler of plans makes of its signature? */
#include "verify.h"

#include "base/difference.h"
#include "plan.h"

static void compare_gather(struct trampfd_report *report, unsigned index,
                           const struct tfd_gather *wanted, const struct tfd_gather *found)
{
    tfd_compare_number(report, "plan: gathered argument", index, wanted->argument, found->argument);
    tfd_compare_number(report, "plan: pieces", index, wanted->count, found->count);
    tfd_compare_number(report, "plan: piece size", index, wanted->size, found->size);
    for (unsigned i = 0; i < TFD_PIECES; i++)
        tfd_compare_number(report, "plan: piece", index * TFD_PIECES + i, (uint64_t)wanted->from[i],
                           (uint64_t)found->from[i]);
}

/* They lie behind the plan, in one piece of memory. */
static void compare_gathers(struct trampfd_report *report, const struct tfd_plan *wanted,
                            const struct tfd_plan *found)
{
    uintptr_t place = (uintptr_t)found + ((uintptr_t)wanted->gathers - (uintptr_t)wanted);

    if (tfd_compare_number(report, "plan: gathers", 0, place, (uintptr_t)found->gathers))
        return;
    for (unsigned i = 0; i < wanted->gather_count; i++)
        compare_gather(report, i, &wanted->gathers[i], &found->gathers[i]);
}

void tfd_compare_plans(struct trampfd_report *report, const struct tfd_plan *wanted,
                       const struct tfd_plan *found)
{
    tfd_compare_number(report, "plan: entry", 0, (uintptr_t)wanted->entry, (uintptr_t)found->entry);
    tfd_compare_number(report, "plan: tail", 0, (uintptr_t)wanted->tail, (uintptr_t)found->tail);
    tfd_compare_number(report, "plan: direct entry", 0, (uintptr_t)wanted->direct,
                       (uintptr_t)found->direct);
    tfd_compare_number(report, "plan: dispatch", 0, (uintptr_t)wanted->call,
                       (uintptr_t)found->call);
    tfd_compare_number(report, "plan: result", 0, wanted->result, found->result);
    tfd_compare_number(report, "plan: result offset", 0, (uint64_t)wanted->result_offset,
                       (uint64_t)found->result_offset);
    tfd_compare_number(report, "plan: result in memory", 0, (uint64_t)wanted->is_in_memory,
                       (uint64_t)found->is_in_memory);
    tfd_compare_number(report, "plan: arguments", 0, wanted->count, found->count);
    for (unsigned i = 0; i < wanted->count; i++)
        tfd_compare_number(report, "plan: argument", i, (uint64_t)wanted->offsets[i],
                           (uint64_t)found->offsets[i]);
    tfd_compare_number(report, "plan: gathered arguments", 0, wanted->gather_count,
                       found->gather_count);
    compare_gathers(report, wanted, found);
}
