/* SPDX-License-Identifier: MIT */
/* The life of a closure: allocate, prepare, free; and reading one back. */
#include "arch/port.h"
#include "base/fatal.h"
#include "base/lock.h"
#include "provider/provider.h"
#include "slot/dead.h"
#include "slot/pool.h"
#include "base/trail.h"
#include "closure.h"
#include "entry.h"
#include "heap.h"
#include "sibling.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static size_t without_plan; /* closures prepared for the libffi entry so far */

static struct tfd_slot new_with_heap(size_t size, struct trampfd_trail *trail)
{
    void *closure = tfd_heap_new(size);
    struct tfd_slot slot;

    if (!closure)
        return tfd_slot_none(tfd_trail_add(trail, "closure", "calloc", ENOMEM));
    slot = tfd_pool_take((uintptr_t)closure, trail);
    if (slot.block)
        tfd_heap_attach(closure, slot);
    else
        tfd_heap_free((uintptr_t)closure);
    return slot;
}

struct tfd_slot tfd_closure_new(size_t size, struct trampfd_trail *trail)
{
    if (trail)
        trail->count = 0;
    return size <= TFD_HEAP_THRESHOLD ? tfd_pool_take(TFD_STATE_USED, trail)
                                      : new_with_heap(size, trail);
}

static void *memory_by_state(struct tfd_slot slot, uintptr_t state)
{
    return tfd_state_is_closure(state) ? (void *)tfd_slot_shadow(slot) : (void *)state;
}

void *tfd_closure_memory(struct tfd_slot slot)
{
    return memory_by_state(slot, tfd_slot_state(slot));
}

void *trampfd_closure_alloc(size_t size, void **code, struct trampfd_trail *trail)
{
    struct tfd_slot slot = tfd_closure_new(size, trail);

    if (!slot.block) {
        errno = -tfd_slot_error(slot);
        return NULL;
    }
    *code = tfd_slot_code(slot);
    return tfd_closure_memory(slot);
}

static inline struct tfd_slot find(const void *closure)
{
    struct tfd_slot slot = tfd_pool_find_closure(closure);

    if (!slot.block)
        return tfd_heap_find(closure);
    return tfd_state_is_closure(tfd_slot_state(slot)) ? slot : tfd_slot_none(-ENOENT);
}

struct tfd_slot tfd_closure_slot(const void *closure)
{
    return find(closure);
}

void *tfd_closure_code(const void *closure)
{
    struct tfd_slot slot = find(closure);

    return slot.block ? tfd_slot_code(slot) : NULL;
}

static const struct tfd_plan *plan_of_slot(struct tfd_slot slot)
{
    return tfd_entry_plan_of(tfd_slot_record(slot));
}

/* Stores the record in place of what the slot has; inside. */
static int exchange(struct tfd_slot slot, union tfd_record *record)
{
    const struct tfd_plan *old_plan = plan_of_slot(slot);
    int error = tfd_pool_store_inside(slot, record);

    if (error)
        old_plan = tfd_entry_plan_of(record);
    if (old_plan)
        tfd_plan_put_inside(old_plan);
    return error;
}

/* Memory apart from the record, or NULL. */
static ffi_closure *memory_of(struct tfd_slot slot, ffi_closure *closure)
{
    return (void *)closure == (void *)tfd_slot_shadow(slot) ? NULL : closure;
}

/*
 * The thread enters once, where there is a plan.  libffi is asked outside: with the preload library
 * that may mean to ask the loader.  `memory` apart from the record gets `fun` and `user_data`
 * before calls may read them there.
 */
static int prepare_with_memory(struct tfd_slot slot, union tfd_record *record,
                               tfd_dispatch *dispatch, ffi_closure *memory, trampfd_handler fun,
                               void *user_data)
{
    int error = tfd_enter();

    if (error)
        return error;
    if (!tfd_entry_plan_set_inside(record, dispatch)) {
        tfd_leave();
        error = tfd_entry_libffi_set_for(record, dispatch);
        if (!error)
            error = tfd_enter();
        if (error)
            return error;
        __atomic_fetch_add(&without_plan, 1, __ATOMIC_RELAXED);
    }
    if (memory) {
        memory->cif = record->closure.cif;
        memory->fun = fun;
        memory->user_data = user_data;
    }
    error = exchange(slot, record);
    tfd_leave();
    return error;
}

/* The record has the caller's handler and user data. */
static int prepare(struct tfd_slot slot, union tfd_record *record, tfd_dispatch *dispatch,
                   ffi_closure *memory)
{
    return prepare_with_memory(slot, record, dispatch, memory, record->closure.fun,
                               record->closure.user_data);
}

int tfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun, void *user_data,
                     tfd_dispatch *dispatch)
{
    union tfd_record record = {.closure = {.cif = cif, .fun = fun, .user_data = user_data}};
    struct tfd_slot slot = find(closure);

    if (!slot.block || !cif || !fun)
        return -EINVAL;
    return prepare(slot, &record, dispatch, memory_of(slot, closure));
}

#define NO_PLAN 1 /* in place of an error */

static struct tfd_slot make_with_plan(union tfd_record *record, tfd_dispatch *dispatch,
                                      struct trampfd_trail *trail)
{
    int error = tfd_pool_enter(trail);
    struct tfd_slot slot;

    if (error)
        return tfd_slot_none(error);
    if (!tfd_entry_plan_set_inside(record, dispatch)) {
        slot = tfd_slot_none(NO_PLAN);
    } else {
        slot = tfd_pool_make_inside(TFD_STATE_USED, record, trail);
        if (!slot.block)
            tfd_plan_put_inside(record->plan.plan);
    }
    tfd_leave();
    return slot;
}

static struct tfd_slot make_without_plan(union tfd_record *record, tfd_dispatch *dispatch,
                                         struct trampfd_trail *trail)
{
    struct tfd_slot slot = tfd_pool_take(TFD_STATE_USED, trail);
    int error;

    if (!slot.block)
        return slot;
    error = prepare(slot, record, dispatch, NULL);
    if (!error)
        return slot;
    tfd_pool_give(slot, NULL, TFD_HOLDS_NOTHING);
    return tfd_slot_none(error);
}

int tfd_closure_make(const ffi_closure *wanted, tfd_dispatch *dispatch, void **closure, void **code,
                     struct trampfd_trail *trail)
{
    union tfd_record record = {.closure = *wanted};
    struct tfd_slot slot;

    trail->count = 0;
    slot = make_with_plan(&record, dispatch, trail);
    if (tfd_slot_error(slot) == NO_PLAN)
        slot = make_without_plan(&record, dispatch, trail);
    if (!slot.block)
        return tfd_slot_error(slot);
    *closure = tfd_slot_shadow(slot);
    *code = tfd_slot_code(slot);
    return 0;
}

/*
 * Records that only the kernel can change are there so that no store redirects a closure: then the
 * memory that the program has does not count.
 */
static int is_live(struct tfd_slot slot, const void *memory)
{
    return memory && slot.block->shadow == slot.block->records;
}

int tfd_closure_is_live(const union tfd_record *record, uintptr_t second, const void *user_data)
{
    tfd_entry *entry = __atomic_load_n(&record->go.entry, __ATOMIC_ACQUIRE);

    return entry != tfd_entry_dead && record->words[1] == second
           && record->closure.user_data == user_data;
}

_Noreturn void tfd_closure_died(const union tfd_record *record)
{
    struct tfd_slot slot;

    if (record->go.entry == tfd_entry_dead)
        tfd_dead_report(record);
    slot = tfd_pool_find_record(record);
    tfd_fatal("a closure was freed during a call that had not reached it yet",
              slot.block ? tfd_slot_code(slot) : NULL);
}

int trampfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun, void *user_data)
{
    union tfd_record record = {.closure = {.cif = cif, .fun = fun, .user_data = user_data}};
    struct tfd_slot slot = find(closure);
    ffi_closure *memory;

    if (!slot.block || !cif || !fun)
        return -EINVAL;
    if (tfd_slot_state(slot) == TFD_STATE_PERMANENT)
        return -EPERM;
    memory = memory_of(slot, closure);
    if (is_live(slot, memory)) {
        record.closure.fun = tfd_heap_call;
        record.closure.user_data = memory;
    }
    return prepare_with_memory(slot, &record, tfd_plan_call, memory, fun, user_data);
}

/* Inside. */
static int make_permanent(struct tfd_slot slot)
{
    const struct tfd_provider *provider = tfd_provider_of(slot.block);
    uintptr_t *state = &tfd_slot_shadow(slot)->owner.state;
    int error = 0;

    if (!tfd_state_is_closure(tfd_slot_state(slot)))
        return -ENOTSUP;
    if (tfd_slot_record(slot)->go.entry == tfd_entry_dead)
        return -EINVAL;
    if (provider->freeze)
        error = provider->freeze(slot.block, (unsigned)slot.index);
    if (!error)
        __atomic_store_n(state, TFD_STATE_PERMANENT, __ATOMIC_RELEASE);
    return error;
}

int trampfd_closure_make_permanent(void *closure)
{
    int error = tfd_enter();
    struct tfd_slot slot;

    if (error)
        return error;
    slot = find(closure);
    error = slot.block ? make_permanent(slot) : -EINVAL;
    tfd_leave();
    return error;
}

int tfd_closure_free(void *closure, const char *name)
{
    struct tfd_slot slot;
    uintptr_t state;

    if (tfd_enter())
        tfd_fatal("free of a closure by a signal handler that interrupted trampfd itself", closure);
    slot = find(closure);
    if (!slot.block) {
        tfd_leave();
        return -ENOENT;
    }
    state = tfd_slot_state(slot);
    if (state == TFD_STATE_PERMANENT) {
        tfd_leave();
        return -EPERM;
    }
    if (tfd_pool_give_inside(slot, name, plan_of_slot(slot) ? TFD_HOLDS_PLAN : TFD_HOLDS_NOTHING))
        tfd_fatal("a closure was freed twice, or its provider refused to free it",
                  tfd_slot_code(slot));
    tfd_leave();
    if (state != TFD_STATE_USED)
        tfd_heap_free(state);
    return 0;
}

static const char *why_refused(const void *closure, char name[TFD_SIBLING_NAME])
{
    struct tfd_slot slot = tfd_pool_find_closure(closure);
    uintptr_t state;

    if (tfd_heap_knows(closure))
        return "it was freed before";
    if (!slot.block)
        slot = tfd_pool_find_record(closure);
    if (slot.block) {
        state = tfd_slot_state(slot);
        if (state == TFD_STATE_PERMANENT)
            return "it is permanent";
        return state == TFD_STATE_CONTEXT || state == TFD_STATE_CHAIN
                   ? "it is a trampoline's or a nested function's"
                   : "it was freed before";
    }
    if (tfd_pool_has(closure))
        return "it is the code of one, or inside it";
    return tfd_sibling_of(closure, name) ? name : "it was never allocated here";
}

_Noreturn void tfd_closure_free_refused(const void *closure)
{
    char text[140], name[TFD_SIBLING_NAME] = "";
    const char *why = why_refused(closure, name);

    snprintf(text, sizeof(text), "free of an address that is not a live closure: %s%s",
             why == name ? "it belongs to " : "", why);
    tfd_fatal(text, closure);
}

void trampfd_closure_free_named(void *closure, const char *name)
{
    if (closure && tfd_closure_free(closure, name))
        tfd_closure_free_refused(closure);
}

void trampfd_closure_free(void *closure)
{
    trampfd_closure_free_named(closure, NULL);
}

static const char *source_name(enum tfd_source source)
{
    static const char *const names[TFD_SOURCES] = {
        [TFD_BUILT_IN] = "built in", [TFD_OWN_FILE] = "own file",         [TFD_MEMFD] = "memfd",
        [TFD_TRAMPFD] = "trampfd",   [TFD_TRAMPFD_USER] = "trampfd-user",
    };

    return names[source];
}

/* Under the lock: another thread may give back the block of an address that is free. */
int trampfd_slot_find(const void *code, struct trampfd_slot *found)
{
    struct tfd_slot slot;
    int error = tfd_lock_checked();

    if (error)
        return error;
    slot = tfd_pool_find_code(code);
    error = tfd_slot_error(slot);
    if (!error)
        *found = (struct trampfd_slot){
            .provider = tfd_slot_provider_name(slot),
            .source = source_name(slot.block->source),
            .block = slot.block->code,
            .index = slot.index,
            .record = tfd_slot_record(slot),
        };
    tfd_unlock();
    return error;
}

static enum trampfd_entry kind_of_entry(const union tfd_record *record)
{
    if (tfd_entry_plan_of(record))
        return TRAMPFD_ENTRY_PLAN;
    return tfd_entries_have(&tfd_entries_bind, record->go.entry) ? TRAMPFD_ENTRY_BOUND
                                                                 : TRAMPFD_ENTRY_LIBFFI;
}

/* The record says where, the table of addresses whether that is so. */
static const ffi_closure *live_memory(struct tfd_slot slot, const union tfd_record *record)
{
    const ffi_closure *memory =
        record->closure.fun == tfd_heap_call ? record->closure.user_data : NULL;
    struct tfd_slot owner;

    if (!memory)
        return NULL;
    owner = tfd_heap_find(memory);
    return owner.block == slot.block && owner.index == slot.index ? memory : NULL;
}

static void describe(struct trampfd_closure *closure, struct tfd_slot slot,
                     const union tfd_record *record)
{
    uintptr_t state = tfd_slot_state(slot);
    const ffi_closure *memory;

    memset(closure, 0, sizeof(*closure));
    if (tfd_state_is_free(state))
        return;
    closure->allocated = 1;
    if (state == TFD_STATE_CONTEXT || state == TFD_STATE_CHAIN) {
        closure->entry = state == TFD_STATE_CONTEXT ? TRAMPFD_ENTRY_CONTEXT : TRAMPFD_ENTRY_CHAIN;
        return;
    }
    closure->closure = memory_by_state(slot, state);
    if (record->go.entry == tfd_entry_dead)
        return;
    closure->entry = kind_of_entry(record);
    memory = live_memory(slot, record);
    if (!memory)
        memory = &record->closure;
    closure->cif = memory->cif;
    closure->fun = memory->fun;
    closure->user_data = memory->user_data;
}

int trampfd_closure_read(const void *code, struct trampfd_closure *closure)
{
    union tfd_record record;
    struct tfd_slot slot;
    int error = tfd_lock_checked();

    if (error)
        return error;
    slot = tfd_pool_find_code(code);
    error = slot.block ? tfd_slot_load(slot, &record) : tfd_slot_error(slot);
    if (!error)
        describe(closure, slot, &record);
    tfd_unlock();
    return error;
}

const ffi_closure *tfd_closure_live_memory(const void *code)
{
    const ffi_closure *memory = NULL;
    union tfd_record record;
    struct tfd_slot slot;

    if (tfd_lock_checked())
        return NULL;
    slot = tfd_pool_find_code(code);
    if (slot.block) {
        tfd_record_load(&record, tfd_slot_shadow(slot));
        memory = live_memory(slot, &record);
    }
    tfd_unlock();
    return memory;
}

void trampfd_status_read(struct trampfd_status *status)
{
    tfd_pool_status(status);
    status->plans = tfd_plan_count();
    status->without_plan = __atomic_load_n(&without_plan, __ATOMIC_RELAXED);
}
