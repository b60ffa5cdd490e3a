/* SPDX-License-Identifier: MIT */
/* What the tests of plans share. */
#ifndef PLAN_CLOSURES_H
#define PLAN_CLOSURES_H

#include "check.h"

#include "closure/plan.h"
#include "slot/magazine.h"

static inline void make_cif(ffi_cif *cif, ffi_type *result, unsigned count, ffi_type **types)
{
    CHECK(ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, result, types) == FFI_OK, "ffi_prep_cif");
}

static inline enum trampfd_entry entry_of(const void *code)
{
    struct trampfd_closure closure;

    CHECK(!trampfd_closure_read(code, &closure), "%p is no slot", code);
    return closure.entry;
}

/* How many closures have the plan of this signature, freed ones whose record holds it included. */
static inline unsigned users_of_plan(const ffi_cif *cif)
{
    const struct tfd_plan *plan = tfd_plan_get(cif);
    unsigned users;

    CHECK(plan, "the signature has no plan");
    users = plan->use->references - 1;
    if (tfd_magazine && tfd_magazine->plan == plan)
        users -= tfd_magazine->references;
    tfd_plan_put(plan);
    return users;
}

static inline void *allocate(void **code)
{
    void *closure = trampfd_closure_alloc(sizeof(ffi_closure), code, NULL);

    CHECK(closure, "%s", strerror(errno));
    return closure;
}

static inline void ignore(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif, (void)result, (void)arguments, (void)user_data;
}

/*
 * void(structure number `number`): the digits tell the types of its members.  The memory of the
 * types may be used again and again.
 */
struct numbered {
    ffi_cif cif;
    ffi_type structure, *argument, *members[7];
};

static inline ffi_cif *number_signature(struct numbered *numbered, unsigned number)
{
    static ffi_type *const digits[] = {
        &ffi_type_uint8, &ffi_type_sint8,  &ffi_type_uint16, &ffi_type_sint16, &ffi_type_uint32,
        &ffi_type_float, &ffi_type_double, &ffi_type_uint64, &ffi_type_sint64, &ffi_type_pointer,
    };

    for (int i = 0; i < 6; i++, number /= 10)
        numbered->members[i] = digits[number % 10];
    numbered->members[6] = NULL;
    numbered->structure = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = numbered->members};
    numbered->argument = &numbered->structure;
    make_cif(&numbered->cif, &ffi_type_void, 1, &numbered->argument);
    return &numbered->cif;
}

/* A closure of that signature, made and freed. */
static inline void touch_signature(unsigned number)
{
    struct numbered numbered;
    void *code, *closure = allocate(&code);

    CHECK(!trampfd_closure_prep(closure, number_signature(&numbered, number), ignore, NULL),
          "signature %u", number);
    CHECK(entry_of(code) == TRAMPFD_ENTRY_PLAN, "signature %u has no plan", number);
    trampfd_closure_free(closure);
}

/*
 * Hands out every slot that there is and takes it back, not prepared: no dead record holds a plan
 * any more.
 */
static inline void hand_out_all(void)
{
    int count = (int)status_now().slots_free;
    void **closures = calloc((size_t)count + 1, sizeof(void *)), *code;

    CHECK(closures, "memory for %d closures", count);
    for (int i = 0; i < count; i++)
        closures[i] = allocate(&code);
    for (int i = 0; i < count; i++)
        trampfd_closure_free(closures[i]);
    free(closures);
}

/* Plans without closures that are kept, at most. */
#define IDLE_MAX 256

/*
 * Make the next plan that loses its last closure one too many: all without closures are freed then.
 * `used` plans have closures.
 */
static inline void fill_idle(unsigned used)
{
    hand_out_all();
    for (unsigned i = 0; tfd_plan_count() < IDLE_MAX + used; i++)
        touch_signature(i);
    hand_out_all();
    CHECK(tfd_plan_count() == IDLE_MAX + used, "%u plans are kept", tfd_plan_count());
}

#endif
