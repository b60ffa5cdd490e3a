/* SPDX-License-Identifier: MIT */
/*
 * Are all closures unchanged, as far as that can be told without their owners?  A record is compared
 * with what any record of the library is: its entry is one of those, and what belongs to the entry
 * follows from it.  Plans are compiled anew from the keys that they have in the cache.  The cif is
 * not read, because it may be what was stored over, and its owner may free it at any moment.
 *
 * The lock is held while all slots are looked at, so that no plan and no block goes away.  Those
 * that differ are looked at again, one by one, before they are reported: closures are prepared
 * without the lock, and one that was half done then is whole by now.
 */
#include "verify.h"

#include "arch/port.h"
#include "base/difference.h"
#include "slot/allowed.h"
#include "slot/pool.h"
#include "entry.h"
#include "plan.h"

#include <errno.h>
#include <stdlib.h>

struct search {
    const struct tfd_plan *unchanged; /* the latest that was compared; closures come in rows */
    size_t checked;
    const void **changed; /* function pointers */
    size_t count, room;
};

static void add(struct trampfd_report *report, const char *what, enum trampfd_change change,
                uintptr_t found)
{
    tfd_difference_add(report,
                       (struct trampfd_difference){.what = what, .change = change, .found = found});
}

static int is_dispatch(tfd_dispatch *dispatch, const struct tfd_plan *plan)
{
    return dispatch == plan->call || dispatch == tfd_plan_call
           || dispatch == tfd_plan_call_with_record
           || (tfd_dispatch_is_known && tfd_dispatch_is_known(dispatch));
}

/* The words of a record with this plan, which was compiled anew. */
static void compare_words(const union tfd_record *record, const struct tfd_plan *plan,
                          struct trampfd_report *report)
{
    if (record->plan.entry != plan->direct)
        tfd_compare_number(report, "entry", 0, (uintptr_t)plan->entry,
                           (uintptr_t)record->plan.entry);
    if (!is_dispatch(record->plan.dispatch, plan))
        add(report, "dispatch", TRAMPFD_ADDED, (uintptr_t)record->plan.dispatch);
    tfd_compare_number(report, "tail", 0, (uintptr_t)plan->tail, (uintptr_t)record->tail.entry);
}

static int compare_plan(const union tfd_record *record, struct search *search,
                        struct trampfd_report *report)
{
    const struct tfd_plan *plan = record->plan.plan;
    struct tfd_plan *anew;
    unsigned before = report->count;
    int error;

    if (plan == search->unchanged) {
        compare_words(record, plan, report);
        return 0;
    }
    if (!tfd_plan_is_cached_locked(plan)) {
        if (tfd_plans_are_cached_locked())
            add(report, "plan", TRAMPFD_ADDED, (uintptr_t)plan);
        return 0;
    }
    error = tfd_plan_compile_again(plan, &anew);
    if (error == -EBADMSG)
        add(report, "plan: key", TRAMPFD_CHANGED, (uintptr_t)plan->key);
    if (error)
        return error == -EBADMSG ? 0 : error;
    tfd_compare_plans(report, anew, plan);
    search->unchanged = report->count == before ? plan : NULL;
    compare_words(record, anew, report);
    free(anew);
    return 0;
}

static int is_entry_of(tfd_entry *entry, uintptr_t state)
{
    if (entry == tfd_entry_dead)
        return 1; /* it is not prepared yet */
    if (state == TFD_STATE_CONTEXT)
        return tfd_entries_have(&tfd_entries_context, entry);
    if (state == TFD_STATE_CHAIN)
        return &tfd_entries_chain && tfd_entries_have(&tfd_entries_chain, entry);
    return tfd_entries_have(&tfd_entries_bind, entry) || tfd_allowed_is_found(entry)
           || (&tfd_entries_foreign && tfd_entries_have(&tfd_entries_foreign, entry));
}

static int compare_record(const union tfd_record *record, uintptr_t state, struct search *search,
                          struct trampfd_report *report)
{
    tfd_entry *entry = record->go.entry;

    if (state != TFD_STATE_CONTEXT && state != TFD_STATE_CHAIN && tfd_entry_plan_of(record))
        return compare_plan(record, search, report);
    if (!is_entry_of(entry, state))
        add(report, "entry", TRAMPFD_ADDED, (uintptr_t)entry);
    else if (tfd_allowed_is_found(entry) && !tfd_entry_libffi_has_handler(record))
        add(report, "handler", TRAMPFD_ADDED, (uintptr_t)record->go.handler);
    return 0;
}

static int compare_slot(struct tfd_slot slot, struct search *search, struct trampfd_report *report)
{
    union tfd_record record;
    int error = tfd_slot_load(slot, &record);

    report->provider = tfd_slot_provider_name(slot);
    report->record = error ? NULL : tfd_slot_in_memory(slot, &record);
    report->count = 0;
    tfd_compare_code(report, tfd_slot_intact(slot));
    if (!error)
        return compare_record(&record, tfd_slot_state(slot), search, report);
    add(report, "record", TRAMPFD_MISSING, 0);
    return 0;
}

static int keep(struct search *search, const void *code)
{
    if (search->count == search->room) {
        size_t room = search->room * 2 + 16;
        const void **changed = realloc(search->changed, room * sizeof(*changed));

        if (!changed)
            return -ENOMEM;
        search->changed = changed;
        search->room = room;
    }
    search->changed[search->count++] = code;
    return 0;
}

static int visit(struct tfd_slot slot, void *data)
{
    struct search *search = data;
    struct trampfd_report report;
    int error = compare_slot(slot, search, &report);

    search->checked++;
    return error || !report.count ? error : keep(search, tfd_slot_code(slot));
}

/* Those that were freed meanwhile are not reported. */
static int compare_again(const void *code, struct trampfd_report *report)
{
    struct search search = {.unchanged = NULL};
    struct tfd_slot slot;
    int error = tfd_lock_checked();

    if (error)
        return error;
    slot = tfd_pool_find_code(code);
    report->count = 0;
    if (slot.block && !tfd_state_is_free(tfd_slot_state(slot)))
        error = compare_slot(slot, &search, report);
    tfd_unlock();
    return error;
}

static int report_all(const struct search *search, trampfd_changed changed, void *data)
{
    struct trampfd_report report;
    int error = 0;

    for (size_t i = 0; i < search->count && !error; i++) {
        error = compare_again(search->changed[i], &report);
        if (!error && report.count)
            changed(search->changed[i], &report, data);
    }
    return error;
}

int trampfd_verify_all(trampfd_changed changed, void *data, size_t *checked)
{
    struct search search = {.changed = NULL};
    int error = tfd_lock_checked();

    if (error)
        return error;
    error = tfd_pool_each_locked(visit, &search);
    tfd_unlock();
    if (!error)
        error = report_all(&search, changed, data);
    free(search.changed);
    if (!error && checked)
        *checked = search.checked;
    return error;
}
