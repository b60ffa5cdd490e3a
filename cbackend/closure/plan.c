/* SPDX-License-Identifier: MIT */
/*
 * The cache of plans.  A signature is its types by content, written as a string: the
 * addresses of a program's ffi_type structures may come to hold other types.  One lock, the
 * library's, guards the cache; plans are never changed once they are in it.
 */
#include "plan.h"

#include "base/lock.h"
#include "slot/allowed.h"
#include "slot/magazine.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 256
#define KEY_SIZE 1024
#define END UINT32_MAX /* of a type's elements, in a key; no type has this head */
#define IDLE_MAX 256   /* plans without closures that are kept */

static struct tfd_plan *buckets[BUCKETS];
static struct tfd_plan *latest; /* programs make many closures of one signature in a row */
static unsigned plans, idle;

/* A cache that a fork tore is left to the records that lead into it, and another is begun. */
static unsigned cache;

struct key {
    unsigned size;
    unsigned char bytes[KEY_SIZE];
};

static int put_bytes(struct key *key, const void *bytes, unsigned size)
{
    if (size > KEY_SIZE - key->size)
        return 0;
    memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
    return 1;
}

static int has_elements(const ffi_type *type)
{
    return type->type == FFI_TYPE_STRUCT || type->type == FFI_TYPE_COMPLEX;
}

/*
 * What tells a scalar from others.  Its alignment counts too: programs describe packed
 * structures by it.
 */
static uint32_t head(const ffi_type *type)
{
    return (uint32_t)type->type << 16 | type->alignment;
}

static int put_head(struct key *key, uint32_t head)
{
    return put_bytes(key, &head, sizeof(head));
}

static int put_type(struct key *key, const ffi_type *type)
{
    if (!put_head(key, head(type)))
        return 0;
    if (!has_elements(type))
        return 1;
    if (!type->elements || !put_bytes(key, &type->size, sizeof(type->size)))
        return 0;
    for (ffi_type **element = type->elements; *element; element++)
        if (!put_type(key, *element))
            return 0;
    return put_head(key, END);
}

static int make_key(struct key *key, const ffi_cif *cif)
{
    unsigned char abi = (unsigned char)cif->abi;

    key->size = 0;
    if (!put_bytes(key, &abi, 1) || !put_type(key, cif->rtype))
        return 0;
    for (unsigned i = 0; i < cif->nargs; i++)
        if (!put_type(key, cif->arg_types[i]))
            return 0;
    return 1;
}

static inline const unsigned char *skip_head(const unsigned char *at, uint32_t head)
{
    uint32_t there;

    memcpy(&there, at, sizeof(there));
    return there == head ? at + sizeof(there) : NULL;
}

static const unsigned char *skip_elements(const unsigned char *at, const ffi_type *type);

/* Where a key goes on behind `type`; NULL if it has another type there. */
static inline const unsigned char *skip_type(const unsigned char *at, const ffi_type *type)
{
    at = skip_head(at, head(type));
    return at && has_elements(type) ? skip_elements(at, type) : at;
}

static const unsigned char *skip_elements(const unsigned char *at, const ffi_type *type)
{
    if (!type->elements || memcmp(at, &type->size, sizeof(type->size)))
        return NULL;
    at += sizeof(type->size);
    for (ffi_type **element = type->elements; at && *element; element++)
        at = skip_type(at, *element);
    return at ? skip_head(at, END) : NULL;
}

/* Is this the plan of the cif?  What put_type() writes tells its own length, so a mismatch
   is seen before the key ends. */
static inline int matches(const struct tfd_plan *plan, const ffi_cif *cif)
{
    const unsigned char *at = plan->key + 1;

    if (plan->count != cif->nargs || plan->key[0] != (unsigned char)cif->abi)
        return 0;
    at = skip_type(at, cif->rtype);
    for (unsigned i = 0; at && i < cif->nargs; i++)
        at = skip_type(at, cif->arg_types[i]);
    return at != NULL;
}

/* FNV-1a */
static unsigned hash_key(const struct key *key)
{
    unsigned hash = 2166136261u;

    for (unsigned i = 0; i < key->size; i++)
        hash = (hash ^ key->bytes[i]) * 16777619u;
    return hash;
}

static struct tfd_plan *find(const struct key *key, unsigned hash)
{
    struct tfd_plan *plan = buckets[hash % BUCKETS];

    while (plan
           && (plan->hash != hash || plan->key_size != key->size
               || memcmp(plan->key, key->bytes, key->size)))
        plan = plan->next;
    return plan;
}

static struct tfd_plan *make(const struct key *key, unsigned hash, const ffi_cif *cif)
{
    size_t size = sizeof(struct tfd_plan) + cif->nargs * sizeof(int);
    size_t gathers_at = (size + 7) & ~(size_t)7;
    size_t key_at = gathers_at + cif->nargs * sizeof(struct tfd_gather);
    struct tfd_plan *plan = calloc(1, key_at + key->size);

    if (!plan)
        return NULL;
    plan->count = cif->nargs;
    plan->gathers = (struct tfd_gather *)((char *)plan + gathers_at);
    if (!tfd_port_plan(plan, cif)) {
        free(plan);
        return NULL;
    }
    plan->call = tfd_plan_fastest_call(plan);
    plan->key = (unsigned char *)plan + key_at;
    plan->key_size = key->size;
    memcpy(plan->key, key->bytes, key->size);
    plan->hash = hash;
    plan->cache = cache;
    plan->next = buckets[hash % BUCKETS];
    buckets[hash % BUCKETS] = plan;
    plans++;
    idle++; /* until the caller's reference is counted */
    return plan;
}

static void forget_idle(void)
{
    for (unsigned i = 0; i < BUCKETS; i++)
        for (struct tfd_plan **at = &buckets[i]; *at;) {
            struct tfd_plan *plan = *at;

            if (plan->references) {
                at = &plan->next;
                continue;
            }
            *at = plan->next;
            free(plan);
            plans--;
        }
    idle = 0;
    latest = NULL;
}

static struct tfd_plan *find_or_make(const ffi_cif *cif)
{
    struct tfd_plan *plan;
    struct key key;
    unsigned hash;

    if (!make_key(&key, cif))
        return NULL;
    hash = hash_key(&key);
    plan = find(&key, hash);
    return plan ? plan : make(&key, hash, cif);
}

static struct tfd_plan *get(const ffi_cif *cif)
{
    struct tfd_plan *plan;

    /* A cif that libffi refused may hold anything: its ABI tells, as in ffi_prep_closure_loc(). */
    if (cif->abi <= FFI_FIRST_ABI || cif->abi >= FFI_LAST_ABI)
        return NULL;
    plan = latest && matches(latest, cif) ? latest : find_or_make(cif);
    if (plan) {
        latest = plan;
        if (plan->references++ == 0)
            idle--;
    }
    return plan;
}

/* A call under way may use the plan no more: see tfd_plan_call(). */
static void put(const struct tfd_plan *shared, unsigned references)
{
    struct tfd_plan *plan = (struct tfd_plan *)(uintptr_t)shared;

    if (plan->cache != cache)
        return;
    plan->references -= references;
    if (plan->references == 0 && ++idle > IDLE_MAX)
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
    struct tfd_plan *plan = (struct tfd_plan *)(uintptr_t)magazine->plan;

    if (plan && magazine->references <= TFD_MAGAZINE_SIZE) {
        plan->references += TFD_MAGAZINE_SIZE + 1 - magazine->references;
        magazine->references = TFD_MAGAZINE_SIZE + 1;
    }
}

/* The plan has a reference of the caller's. */
static void keep(struct tfd_magazine *magazine, struct tfd_plan *plan)
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
    struct tfd_plan *plan;

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
    if (magazine && magazine->plan && magazine->references > 1 && matches(magazine->plan, cif)) {
        magazine->references--;
        return magazine->plan;
    }
    return magazine || !TFD_SINGLE_THREADED ? get_from_cache(cif) : get(cif);
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
    plans = idle = 0;
    cache++;
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
