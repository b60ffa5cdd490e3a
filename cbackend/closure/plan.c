/* SPDX-License-Identifier: MIT */
/*
 * The cache of plans.  A signature is its types by content, written as a string: the
 * addresses of a program's ffi_type structures may come to hold other types.  One lock, the
 * library's, guards the cache; plans are never changed once they are in it.
 */
#include "plan.h"

#include "base/lock.h"
#include "base/sealed_memory.h"
#include "provider/provider.h"
#include "slot/allowed.h"
#include "slot/magazine.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUCKETS 256
#define KEY_SIZE 1024
#define END UINT32_MAX /* of a type's elements, in a key; no type has this head */
#define IDLE_MAX 256   /* plans without closures that are kept */

static struct tfd_plan_use *buckets[BUCKETS];
static const struct tfd_plan *latest; /* programs make many closures of one signature in a row */
static struct tfd_plan_use *spare;    /* with sealed memory, for plans to come */
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

static const struct tfd_plan *find(const struct key *key, unsigned hash)
{
    for (struct tfd_plan_use *use = buckets[hash % BUCKETS]; use; use = use->next)
        if (use->plan->hash == hash && use->plan->key_size == key->size
            && !memcmp(use->plan->key, key->bytes, key->size))
            return use->plan;
    return NULL;
}

/* Behind the offsets of a plan of that many arguments; and its key, behind those. */
static size_t gathers_at(unsigned count)
{
    return (sizeof(struct tfd_plan) + count * sizeof(int) + 7) & ~(size_t)7;
}

static size_t key_at(unsigned count)
{
    return gathers_at(count) + count * sizeof(struct tfd_gather);
}

/* In memory that can be written. */
static struct tfd_plan *compile(const struct key *key, const ffi_cif *cif)
{
    struct tfd_plan *plan = calloc(1, key_at(cif->nargs) + key->size);

    if (!plan)
        return NULL;
    plan->count = cif->nargs;
    plan->gathers = (struct tfd_gather *)((char *)plan + gathers_at(cif->nargs));
    if (!tfd_port_plan(plan, cif)) {
        free(plan);
        return NULL;
    }
    plan->call = tfd_plan_fastest_call(plan);
    plan->key = memcpy((char *)plan + key_at(cif->nargs), key->bytes, key->size);
    plan->key_size = key->size;
    plan->hash = hash_key(key);
    plan->cache = cache;
    return plan;
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

static size_t size_of(const struct tfd_plan *plan)
{
    return key_at(plan->count) + plan->key_size;
}

/* What the plan has behind it is where it will be if the plan is at `place`. */
static void point(struct tfd_plan *plan, char *place)
{
    plan->gathers = (struct tfd_gather *)(place + gathers_at(plan->count));
    plan->key = (unsigned char *)place + key_at(plan->count);
}

/* Moves the plan to the sealed memory. */
static int seal(struct tfd_plan_use *use, struct tfd_plan *plan)
{
    point(plan, (char *)use->plan);
    if (!tfd_sealed_memory_store(use->plan, plan, size_of(plan)))
        return 1;
    point(plan, (char *)plan);
    return 0;
}

/* Takes the plan; NULL if that must not be used as it is. */
static struct tfd_plan_use *keep_plan(struct tfd_plan *plan)
{
    struct tfd_plan_use *use = get_use(size_of(plan));

    plan->use = use;
    if (use && use->room && seal(use, plan)) {
        free(plan);
        return use;
    }
    if (!use || tfd_providers_are_sealed()) {
        free(plan);
        free(use);
        return NULL;
    }
    use->plan = plan;
    use->room = 0;
    return use;
}

static const struct tfd_plan *make(const struct key *key, unsigned hash, const ffi_cif *cif)
{
    struct tfd_plan *plan = compile(key, cif);
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
    if (use->room) {
        use->next = spare;
        spare = use;
    } else {
        free(use->plan);
        free(use);
    }
}

struct tfd_plan *tfd_plan_compile(const ffi_cif *cif)
{
    struct key key;

    return make_key(&key, cif) ? compile(&key, cif) : NULL;
}

/* The types of a key: each takes a head there, and so does the end of its elements. */
#define TYPES_MAX (KEY_SIZE / sizeof(uint32_t))

struct types {
    const unsigned char *at, *end; /* what is left of the key */
    unsigned count, place_count;
    ffi_type types[TYPES_MAX], *next[TYPES_MAX]; /* of its siblings, for each; or NULL */
    ffi_type *places[TYPES_MAX];                 /* elements of structures, and arguments */
};

static int take_bytes(struct types *types, void *bytes, size_t size)
{
    if (size > (size_t)(types->end - types->at))
        return 0;
    memcpy(bytes, types->at, size);
    types->at += size;
    return 1;
}

/* Makes a vector that NULL ends of a type and its siblings. */
static ffi_type **place(struct types *types, ffi_type *first)
{
    ffi_type **vector = &types->places[types->place_count];
    unsigned count = 0;

    for (ffi_type *type = first; type; type = types->next[type - types->types])
        vector[count++] = type;
    vector[count++] = NULL;
    types->place_count += count;
    return vector;
}

static ffi_type *take_type(struct types *types, uint32_t head);

/*
 * Types up to the end of the elements, or of the key.  Each place is for the type of a head, or for
 * one that ends elements, but one for the end of the key, which also has the ABI: so there are
 * enough of them.
 */
static int take_types(struct types *types, int are_elements, ffi_type ***vector)
{
    ffi_type *first = NULL, **link = &first;
    uint32_t head;
    int has_head;

    while ((has_head = take_bytes(types, &head, sizeof(head))) && head != END) {
        ffi_type *type = take_type(types, head);

        if (!type)
            return 0;
        *link = type;
        link = &types->next[type - types->types];
    }
    if (has_head != are_elements)
        return 0;
    *vector = place(types, first);
    return 1;
}

static ffi_type *take_type(struct types *types, uint32_t head)
{
    static const unsigned char sizes[FFI_TYPE_LAST + 1] = {
        [FFI_TYPE_VOID] = 1,
        [FFI_TYPE_INT] = sizeof(int),
        [FFI_TYPE_FLOAT] = sizeof(float),
        [FFI_TYPE_DOUBLE] = sizeof(double),
        [FFI_TYPE_LONGDOUBLE] = sizeof(long double),
        [FFI_TYPE_UINT8] = 1,
        [FFI_TYPE_SINT8] = 1,
        [FFI_TYPE_UINT16] = 2,
        [FFI_TYPE_SINT16] = 2,
        [FFI_TYPE_UINT32] = 4,
        [FFI_TYPE_SINT32] = 4,
        [FFI_TYPE_UINT64] = 8,
        [FFI_TYPE_SINT64] = 8,
        [FFI_TYPE_POINTER] = sizeof(void *),
    };
    uint32_t number = head >> 16;
    ffi_type *type = &types->types[types->count];

    if (number > FFI_TYPE_LAST || types->count++ == TYPES_MAX)
        return NULL;
    *type = (ffi_type){
        .size = sizes[number],
        .alignment = (unsigned short)head,
        .type = (unsigned short)number,
    };
    if (has_elements(type)
        && (!take_bytes(types, &type->size, sizeof(type->size))
            || !take_types(types, 1, &type->elements)))
        return NULL;
    return type;
}

/* The reverse of make_key(); the types are in `types`. */
static int read_key(const struct key *key, struct types *types, ffi_cif *cif)
{
    unsigned char abi;
    uint32_t head;

    *types = (struct types){.at = key->bytes, .end = key->bytes + key->size};
    *cif = (ffi_cif){.nargs = 0};
    if (!take_bytes(types, &abi, 1) || !take_bytes(types, &head, sizeof(head)))
        return 0;
    cif->abi = (ffi_abi)abi;
    cif->rtype = take_type(types, head);
    if (!cif->rtype || !take_types(types, 0, &cif->arg_types))
        return 0;
    while (cif->arg_types[cif->nargs])
        cif->nargs++;
    return 1;
}

static int copy_key(const struct tfd_plan *plan, struct key *key)
{
    if (plan->key_size > KEY_SIZE || plan->count > KEY_SIZE
        || (uintptr_t)plan->key != (uintptr_t)plan + key_at(plan->count))
        return 0;
    key->size = plan->key_size;
    memcpy(key->bytes, plan->key, key->size);
    return hash_key(key) == plan->hash;
}

int tfd_plan_compile_again(const struct tfd_plan *plan, struct tfd_plan **made)
{
    struct types types;
    struct key key;
    ffi_cif cif;

    if (!copy_key(plan, &key) || !read_key(&key, &types, &cif))
        return -EBADMSG;
    *made = compile(&key, &cif);
    return *made ? 0 : -ENOMEM;
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
    struct key key;
    unsigned hash;

    if (!make_key(&key, cif))
        return NULL;
    hash = hash_key(&key);
    plan = find(&key, hash);
    return plan ? plan : make(&key, hash, cif);
}

static const struct tfd_plan *get(const ffi_cif *cif)
{
    const struct tfd_plan *plan;

    /* A cif that libffi refused may hold anything: its ABI tells, as in ffi_prep_closure_loc(). */
    if (cif->abi <= FFI_FIRST_ABI || cif->abi >= FFI_LAST_ABI)
        return NULL;
    plan = latest && matches(latest, cif) ? latest : find_or_make(cif);
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
