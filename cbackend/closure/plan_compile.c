/* SPDX-License-Identifier: MIT */
/* One piece of memory for a plan, what its vectors need, and its key. */
#include "plan_compile.h"

#include "slot/allowed.h"

#include <errno.h>
#include <stdlib.h>

/* Behind the offsets of a plan of that many arguments; and its key, behind those. */
static size_t gathers_at(unsigned count)
{
    return (sizeof(struct tfd_plan) + count * sizeof(int) + 7) & ~(size_t)7;
}

static size_t key_at(unsigned count)
{
    return gathers_at(count) + count * sizeof(struct tfd_gather);
}

struct tfd_plan *tfd_plan_compile_key(const struct tfd_plan_key *key, const ffi_cif *cif)
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
    plan->hash = tfd_plan_key_hash(key);
    return plan;
}

size_t tfd_plan_size(const struct tfd_plan *plan)
{
    return key_at(plan->count) + plan->key_size;
}

void tfd_plan_point(struct tfd_plan *plan, char *place)
{
    plan->gathers = (struct tfd_gather *)(place + gathers_at(plan->count));
    plan->key = (unsigned char *)place + key_at(plan->count);
}

struct tfd_plan *tfd_plan_compile(const ffi_cif *cif)
{
    struct tfd_plan_key key;

    return tfd_plan_key_make(&key, cif) ? tfd_plan_compile_key(&key, cif) : NULL;
}

static int copy_key(const struct tfd_plan *plan, struct tfd_plan_key *key)
{
    if (plan->key_size > TFD_PLAN_KEY_SIZE || plan->count > TFD_PLAN_KEY_SIZE
        || (uintptr_t)plan->key != (uintptr_t)plan + key_at(plan->count))
        return 0;
    key->size = plan->key_size;
    memcpy(key->bytes, plan->key, key->size);
    return tfd_plan_key_hash(key) == plan->hash;
}

int tfd_plan_compile_again(const struct tfd_plan *plan, struct tfd_plan **made)
{
    struct tfd_plan_types types;
    struct tfd_plan_key key;
    ffi_cif cif;

    if (!copy_key(plan, &key) || !tfd_plan_key_read(&key, &types, &cif))
        return -EBADMSG;
    *made = tfd_plan_compile_key(&key, &cif);
    return *made ? 0 : -ENOMEM;
}
