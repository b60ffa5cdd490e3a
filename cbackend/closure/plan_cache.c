/* SPDX-License-Identifier: MIT */
/*
 * The cache of plans, by their keys.  One lock, the library's, guards it; plans are never changed
 * once they are in it.
 */
#include "plan_compile.h"

#include "base/lock.h"
#include "base/sealed_memory.h"
#include "provider/provider.h"
#include "slot/allowed.h"
#include "slot/magazine.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 256
#define IDLE_MAX 256 /* plans without closures that are kept */

static struct tfd_plan_use *buckets[BUCKETS];
static const struct tfd_plan *latest; /* programs make many closures of one signature in a row */
static struct tfd_plan_use *spare;    /* with sealed memory, for plans to come */
static unsigned plans, idle;

/* A cache that a fork tore is left to the records that lead into it, and another is begun. */
static unsigned cache;

static const struct tfd_plan *find(const struct tfd_plan_key *key, unsigned hash)
{
    for (struct tfd_plan_use *use = buckets[hash % BUCKETS]; use; use = use->next)
        if (use->plan->hash == hash && use->plan->key_size == key->size
            && !memcmp(use->plan->key, key->bytes, key->size))
            return use->plan;
    return NULL;
}

static struct tfd_plan_use *take_spare(size_t size)
{
    for (struct tfd_plan_use **at = &spare; *at; at = &(*at)->next) {
        struct tfd_plan_use *use = *at;

        if (use->room >= size) {
            *at = use->next;
            return use;
        }
    }
    return NULL;
}

/* With as much sealed memory, if there is any. */
static struct tfd_plan_use *get_use(size_t size)
{
    struct tfd_plan_use *use = take_spare(size);

    if (use)
        return use;
    use = calloc(1, sizeof(*use));
    if (!use)
        return NULL;
    use->plan = tfd_sealed_memory_get(size);
    use->room = use->plan ? (unsigned)size : 0;
    return use;
}

/* Moves the plan to the sealed memory. */
static int seal(struct tfd_plan_use *use, struct tfd_plan *plan)
{
    tfd_plan_point(plan, (char *)use->plan);
    if (!tfd_sealed_memory_store(use->plan, plan, tfd_plan_size(plan)))
        return 1;
    tfd_plan_point(plan, (char *)plan);
    return 0;
}

/* Its sealed memory, if it has any, is for a plan to come. */
static void forget_room(struct tfd_plan_use *use)
{
    if (use->room) {
        use->next = spare;
        spare = use;
    } else {
        free(use);
    }
}

/* In sealed memory; NULL: there is none, or the kernel refuses a store there. */
static struct tfd_plan_use *keep_sealed(struct tfd_plan *plan)
{
    struct tfd_plan_use *use = get_use(tfd_plan_size(plan));

    plan->use = use;
    if (use && !(use->room && seal(use, plan))) {
        forget_room(use);
        return NULL;
    }
    return use;
}

static struct tfd_plan_use *keep_writable(struct tfd_plan *plan)
{
    struct tfd_plan_use *use = calloc(1, sizeof(*use));

    plan->use = use;
    if (use)
        use->plan = plan;
    return use;
}

/* Takes the plan; NULL if that cannot be kept, or must not be where it can be written. */
static struct tfd_plan_use *keep_plan(struct tfd_plan *plan)
{
    struct tfd_plan_use *use;

    plan->cache = cache;
    use = keep_sealed(plan);
    if (!use && !tfd_providers_are_sealed()) {
        use = keep_writable(plan);
        if (use)
            return use;
    }
    free(plan);
    return use;
}

static const struct tfd_plan *make(const struct tfd_plan_key *key, unsigned hash,
                                   const ffi_cif *cif)
{
    struct tfd_plan *plan = tfd_plan_compile_key(key, cif);
    struct tfd_plan_use *use = plan ? keep_plan(plan) : NULL;

    if (!use)
        return NULL;
    use->references = 0;
    use->next = buckets[hash % BUCKETS];
    buckets[hash % BUCKETS] = use;
    plans++;
    idle++; /* until the caller's reference is counted */
    return use->plan;
}

static void forget(struct tfd_plan_use *use)
{
    plans--;
    if (!use->room)
        free(use->plan);
    forget_room(use);
}

static void forget_idle(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct tfd_plan_use **at = &buckets[i]; *at;) {
            struct tfd_plan_use *use = *at;

            if (use->references) {
                at = &use->next;
                continue;
            }
            *at = use->next;
            forget(use);
        }
    idle = 0;
    latest = NULL;
}

static const struct tfd_plan *find_or_make(const ffi_cif *cif)
{
    const struct tfd_plan *plan;
    struct tfd_plan_key key;
    unsigned hash;

    if (!tfd_plan_key_make(&key, cif))
        return NULL;
    hash = tfd_plan_key_hash(&key);
    plan = find(&key, hash);
    return plan ? plan : make(&key, hash, cif);
}

static const struct tfd_plan *get(const ffi_cif *cif)
{
    const struct tfd_plan *plan;

    /* A cif that libffi refused may hold anything: its ABI tells, as in ffi_prep_closure_loc(). */
    if (cif->abi <= FFI_FIRST_ABI || cif->abi >= FFI_LAST_ABI || TFD_PORT_IS_VARIADIC(cif))
        return NULL;
    plan = latest && tfd_plan_key_matches(latest, cif) ? latest : find_or_make(cif);
    if (plan) {
        latest = plan;
        if (plan->use->references++ == 0)
            idle--;
    }
    return plan;
}

/*
 * A call under way may use the plan no more: see tfd_plan_call().  Counts can be written: where
 * records are sealed, no plan is forgotten, so that none takes the place of one that is in use.
 */
static void put(const struct tfd_plan *plan, unsigned references)
{
    if (plan->cache != cache)
        return;
    plan->use->references -= references;
    if (plan->use->references == 0 && ++idle > IDLE_MAX && !tfd_providers_are_sealed())
        forget_idle();
}

void tfd_pool_let_go(const union tfd_record *record)
{
    put(record->plan.plan, 1);
}

void tfd_magazine_let_go_locked(struct tfd_magazine *magazine)
{
    const struct tfd_plan *plan = magazine->plan;

    magazine->plan = NULL;
    if (plan)
        put(plan, magazine->references);
}

/* To as many as slots: a closure takes one of each. */
void tfd_magazine_refill_plan_locked(struct tfd_magazine *magazine)
{
    if (magazine->plan && magazine->references <= TFD_MAGAZINE_SIZE) {
        magazine->plan->use->references += TFD_MAGAZINE_SIZE + 1 - magazine->references;
        magazine->references = TFD_MAGAZINE_SIZE + 1;
    }
}

/* The plan has a reference of the caller's. */
static void keep(struct tfd_magazine *magazine, const struct tfd_plan *plan)
{
    if (magazine->plan != plan) {
        tfd_magazine_let_go_locked(magazine);
        magazine->references = 0;
        magazine->plan = plan;
    }
    tfd_magazine_refill_plan_locked(magazine);
}

static __attribute__((noinline)) const struct tfd_plan *get_from_cache(const ffi_cif *cif)
{
    const struct tfd_plan *plan;

    tfd_lock_inside();
    plan = get(cif);
    if (plan && tfd_magazine)
        keep(tfd_magazine, plan);
    tfd_unlock_inside();
    return plan;
}

/*
 * A port without plans takes no lock and allocates nothing, so that signal handlers can prepare
 * closures, even those that interrupt malloc().
 */
const struct tfd_plan *tfd_plan_get_inside(const ffi_cif *cif)
{
    struct tfd_magazine *magazine = tfd_magazine;

    if (tfd_entries_plan.count == 0)
        return NULL;
    if (magazine && magazine->plan && magazine->references > 1
        && tfd_plan_key_matches(magazine->plan, cif)) {
        magazine->references--;
        return magazine->plan;
    }
    return magazine || !tfd_is_single_threaded() ? get_from_cache(cif) : get(cif);
}

void tfd_plan_put_inside(const struct tfd_plan *plan)
{
    struct tfd_magazine *magazine = tfd_magazine;

    if (magazine && magazine->plan == plan && magazine->references < 2 * TFD_MAGAZINE_SIZE) {
        magazine->references++;
        return;
    }
    tfd_lock_inside();
    put(plan, 1);
    tfd_unlock_inside();
}

const struct tfd_plan *tfd_plan_get(const ffi_cif *cif)
{
    const struct tfd_plan *plan;

    if (tfd_enter())
        return NULL;
    plan = tfd_plan_get_inside(cif);
    tfd_leave();
    return plan;
}

void tfd_plan_put(const struct tfd_plan *plan)
{
    tfd_lock();
    put(plan, 1);
    tfd_unlock();
}

void tfd_plans_in_child(int torn)
{
    if (!torn)
        return;
    memset(buckets, 0, sizeof(buckets));
    latest = NULL;
    spare = NULL;
    tfd_sealed_memory_in_child();
    plans = idle = 0;
    cache++;
}

int tfd_plan_is_cached_locked(const struct tfd_plan *plan)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (const struct tfd_plan_use *use = buckets[i]; use; use = use->next)
            if (use->plan == plan)
                return 1;
    return 0;
}

int tfd_plans_are_cached_locked(void)
{
    return cache == 0;
}

/* A signal handler that interrupted a change is told the number all the same. */
unsigned tfd_plan_count(void)
{
    unsigned count;
    int is_inside = tfd_lock_checked();

    count = plans;
    if (!is_inside)
        tfd_unlock();
    return count;
}
