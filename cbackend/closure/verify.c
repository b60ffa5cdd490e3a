/* SPDX-License-Identifier: MIT */
/*
 * Is a closure what its owner asked for?  What the provider holds is compared with a record
 * made anew from what the owner says, word by word.
 */
#include "../trampoline/lock.h"
#include "../trampoline/pool.h"
#include "../trampoline/provider.h"
#include "closure.h"
#include "entry.h"

#include <string.h>

#define WORDS (offsetof(union tfd_record, owner.state) / sizeof(uintptr_t))

/* What the words of a record are; NULL for one that the entry does not look at. */
static const char *const names_with_plan[WORDS] = {
    "entry", "plan", "dispatch", "tail", "cif", "fun", "user_data",
};
static const char *const names_with_libffi[WORDS] = {
    "entry", "cif of libffi", "handler", NULL, "cif", "fun", "user_data",
};

static void differ(struct trampfd_verdict *verdict, const char *what, uintptr_t wanted,
                   uintptr_t found)
{
    verdict->differences[verdict->count++]
        = (struct trampfd_difference){.what = what, .wanted = wanted, .found = found};
}

static void compare(struct trampfd_verdict *verdict, const union tfd_record *wanted,
                    const union tfd_record *found)
{
    const char *const *names = tfd_entry_plan_of(wanted) ? names_with_plan : names_with_libffi;
    uintptr_t one[WORDS], other[WORDS];

    memcpy(one, wanted, sizeof(one));
    memcpy(other, found, sizeof(other));
    for (unsigned i = 0; i < WORDS; i++)
        if (names[i] && one[i] != other[i])
            differ(verdict, names[i], one[i], other[i]);
}

static int read_back(const void *code, struct trampfd_verdict *verdict, union tfd_record *found)
{
    struct tfd_slot slot;
    int error = tfd_pool_find_code(code, &slot);

    if (error)
        return error;
    error = slot.block->provider->load(slot.block, slot.index, found);
    if (error)
        return error;
    *verdict = (struct trampfd_verdict){
        .provider = slot.block->provider->name,
        .record = slot.block->provider->in_memory(slot.block, slot.index, found),
    };
    if (!slot.block->provider->intact(slot.block, slot.index))
        differ(verdict, "code", 0, 0);
    return 0;
}

int tfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                       tfd_dispatch *dispatch, struct trampfd_verdict *verdict)
{
    union tfd_record wanted = {.closure = {.cif = cif, .fun = fun, .user_data = user_data}};
    struct trampfd_verdict made;
    union tfd_record found;
    int error = tfd_entry_set(&wanted, dispatch);

    if (error)
        return error;
    tfd_lock();
    error = read_back(code, &made, &found);
    tfd_unlock();
    if (!error) {
        compare(&made, &wanted, &found);
        *verdict = made;
    }
    if (tfd_entry_plan_of(&wanted))
        tfd_plan_put(tfd_entry_plan_of(&wanted));
    return error;
}

int trampfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                           struct trampfd_verdict *verdict)
{
    return tfd_closure_verify(code, cif, fun, user_data, tfd_plan_call, verdict);
}
