/* SPDX-License-Identifier: MIT */
/*
 * Is a closure what its owner asked for?  What the provider holds is compared with a record
 * made anew from what the owner says, word by word.
 */
#include "verify.h"

#include "base/lock.h"
#include "slot/pool.h"
#include "provider/provider.h"
#include "closure.h"
#include "entry.h"
#include "heap.h"

#include <string.h>

static const char *const names_with_plan[TFD_VERIFY_WORDS] = {
    "entry", "plan", "dispatch", "tail", "cif", "fun", "user_data",
};
static const char *const names_with_libffi[TFD_VERIFY_WORDS] = {
    "entry", "cif of libffi", "handler", NULL, "cif", "fun", "user_data",
};

static void differ(struct trampfd_verdict *verdict, const char *what, uintptr_t wanted,
                   uintptr_t found)
{
    verdict->differences[verdict->count++] =
        (struct trampfd_difference){.what = what, .wanted = wanted, .found = found};
}

void tfd_verify_word(struct trampfd_verdict *verdict, const char *what, uintptr_t wanted,
                     uintptr_t found)
{
    if (wanted != found)
        differ(verdict, what, wanted, found);
}

static int read_back(const void *code, struct trampfd_verdict *verdict, union tfd_record *found)
{
    struct tfd_slot slot;
    int error = tfd_pool_find_code(code, &slot);

    if (error)
        return error;
    error = tfd_slot_load(slot, found);
    if (error)
        return error;
    *verdict = (struct trampfd_verdict){
        .provider = tfd_slot_provider_name(slot),
        .record = tfd_slot_in_memory(slot, found),
    };
    if (!tfd_slot_intact(slot))
        differ(verdict, "code", 0, 0);
    return 0;
}

int tfd_verify_record(const void *code, const union tfd_record *wanted,
                      const char *const names[TFD_VERIFY_WORDS], struct trampfd_verdict *verdict)
{
    struct trampfd_verdict made;
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
            tfd_verify_word(&made, names[i], wanted->words[i], found.words[i]);
    *verdict = made;
    return 0;
}

int tfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                       tfd_dispatch *dispatch, struct trampfd_verdict *verdict)
{
    union tfd_record wanted = {.closure = {.cif = cif, .fun = fun, .user_data = user_data}};
    const struct tfd_plan *plan;
    int error = tfd_entry_set(&wanted, dispatch);

    if (error)
        return error;
    plan = tfd_entry_plan_of(&wanted);
    error = tfd_verify_record(code, &wanted, plan ? names_with_plan : names_with_libffi, verdict);
    if (plan)
        tfd_plan_put(plan);
    return error;
}

int trampfd_closure_verify(const void *code, ffi_cif *cif, trampfd_handler fun, void *user_data,
                           struct trampfd_verdict *verdict)
{
    const ffi_closure *memory = tfd_closure_live_memory(code);
    int error;

    if (!memory)
        return tfd_closure_verify(code, cif, fun, user_data, tfd_plan_call, verdict);
    error = tfd_closure_verify(code, cif, tfd_heap_call, (void *)(uintptr_t)memory, tfd_plan_call,
                               verdict);
    if (error)
        return error;
    tfd_verify_word(verdict, "cif of the closure", (uintptr_t)cif, (uintptr_t)memory->cif);
    tfd_verify_word(verdict, "fun of the closure", (uintptr_t)fun, (uintptr_t)memory->fun);
    tfd_verify_word(verdict, "user_data of the closure", (uintptr_t)user_data,
                    (uintptr_t)memory->user_data);
    return 0;
}
