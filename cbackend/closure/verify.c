/* SPDX-License-Identifier: MIT */
/*
 * Is a closure unchanged?  The record that the provider holds is compared, word by word, with a new
 * record that is made from the owner's arguments, and the plan with one that is compiled anew: all
 * closures of a signature go by one plan, so the one in the cache is what may have been changed.
 */
#include "verify.h"

#include "base/difference.h"
#include "base/lock.h"
#include "slot/pool.h"
#include "provider/provider.h"
#include "closure.h"
#include "entry.h"
#include "heap.h"

#include <errno.h>
#include <stdlib.h>

/* The number of a word of the record. */
#define WORD_OF(member) (offsetof(union tfd_record, member) / TFD_WORD)

static const char *const names_with_plan[TFD_VERIFY_WORDS] = {
    [WORD_OF(plan.entry)] = "entry",
    [WORD_OF(plan.plan)] = "plan",
    [WORD_OF(plan.dispatch)] = "dispatch",
    [WORD_OF(tail.entry)] = "tail",
    [WORD_OF(closure.cif)] = "cif",
    [WORD_OF(closure.fun)] = "fun",
    [WORD_OF(closure.user_data)] = "user_data",
};
static const char *const names_with_libffi[TFD_VERIFY_WORDS] = {
    [WORD_OF(go.entry)] = "entry",     [WORD_OF(go.cif)] = "cif of libffi",
    [WORD_OF(go.handler)] = "handler", [WORD_OF(closure.cif)] = "cif",
    [WORD_OF(closure.fun)] = "fun",    [WORD_OF(closure.user_data)] = "user_data",
};

static int read_back(const void *code, struct trampfd_report *report, union tfd_record *found)
{
    struct tfd_slot slot = tfd_pool_find_code(code);
    int error = slot.block ? tfd_slot_load(slot, found) : tfd_slot_error(slot);

    if (error)
        return error;
    report->provider = tfd_slot_provider_name(slot);
    report->record = tfd_slot_in_memory(slot, found);
    report->count = 0;
    tfd_compare_code(report, tfd_slot_intact(slot));
    return 0;
}

int tfd_verify_record(const void *code, const union tfd_record *wanted,
                      const char *const names[TFD_VERIFY_WORDS], struct trampfd_report *report)
{
    struct trampfd_report made;
    union tfd_record found;
    int error = tfd_lock_checked();

    if (error)
        return error;
    error = read_back(code, &made, &found);
    tfd_unlock();
    if (error)
        return error;
    for (unsigned i = 0; i < TFD_VERIFY_WORDS; i++)
        if (names[i])
            tfd_compare_number(&made, names[i], 0, wanted->words[i], found.words[i]);
    *report = made;
    return 0;
}

/* If the record has another plan, that is a difference, and nothing is read there. */
static int verify_with_plan(const void *code, union tfd_record *wanted, tfd_dispatch *dispatch,
                            const struct tfd_plan *plan, struct trampfd_report *report)
{
    struct tfd_plan *anew = tfd_plan_compile(wanted->closure.cif);
    int error;

    if (!anew)
        return -ENOMEM;
    tfd_entry_plan_set_to(wanted, dispatch, anew);
    wanted->plan.plan = plan;
    error = tfd_verify_record(code, wanted, names_with_plan, report);
    if (!error)
        tfd_compare_plans(report, anew, plan);
    free(anew);
    return error;
}

static int verify_with_libffi(const void *code, union tfd_record *wanted, tfd_dispatch *dispatch,
                              struct trampfd_report *report)
{
    int error = tfd_entry_libffi_set_for(wanted, dispatch);

    return error ? error : tfd_verify_record(code, wanted, names_with_libffi, report);
}

int tfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                       tfd_dispatch *dispatch, struct trampfd_report *report)
{
    union tfd_record wanted = {.closure = {.cif = cif, .fun = fun, .user_data = user_data}};
    const struct tfd_plan *plan = tfd_plan_get(cif);
    int error;

    if (!plan)
        return verify_with_libffi(code, &wanted, dispatch, report);
    error = verify_with_plan(code, &wanted, dispatch, plan, report);
    tfd_plan_put(plan);
    return error;
}

int trampfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                           struct trampfd_report *report)
{
    const ffi_closure *memory = tfd_closure_live_memory(code);
    int error;

    if (!memory)
        return tfd_closure_verify(code, cif, fun, user_data, tfd_plan_call, report);
    error = tfd_closure_verify(code, cif, tfd_heap_call, (void *)(uintptr_t)memory, tfd_plan_call,
                               report);
    if (error)
        return error;
    tfd_compare_number(report, "cif of the closure", 0, (uintptr_t)cif, (uintptr_t)memory->cif);
    tfd_compare_number(report, "fun of the closure", 0, (uintptr_t)fun, (uintptr_t)memory->fun);
    tfd_compare_number(report, "user_data of the closure", 0, (uintptr_t)user_data,
                       (uintptr_t)memory->user_data);
    return 0;
}
