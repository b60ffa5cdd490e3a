/* SPDX-License-Identifier: MIT */
/*
 * Closures of one signature share a plan, which counts them, freed ones too until their slot is
 * handed out again; plans that nobody uses are kept up to a number, and those in use always.
 */
#include "closures.h"

typedef struct {
    ffi_type structure, *members[3], *types[2];
    ffi_cif cif;
} description;

/* double(struct {double; float}, long), in memory of its own. */
static ffi_cif *describe_signature(description *own)
{
    own->members[0] = &ffi_type_double;
    own->members[1] = &ffi_type_float;
    own->members[2] = NULL;
    own->structure = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = own->members};
    own->types[0] = &own->structure;
    own->types[1] = &ffi_type_slong;
    make_cif(&own->cif, &ffi_type_double, 2, own->types);
    return &own->cif;
}

static void check_sharing(void)
{
    static description descriptions[100];
    void *closures[100], *code;
    unsigned before = tfd_plan_count();
    const struct tfd_plan *plan;

    for (int i = 0; i < 100; i++) {
        closures[i] = allocate(&code);
        CHECK(
            !trampfd_closure_prep(closures[i], describe_signature(&descriptions[i]), ignore, NULL),
            "closure %d", i);
        CHECK(tfd_plan_count() == before + 1, "%u plans", tfd_plan_count());
        CHECK(status_now().plans == before + 1, "%zu plans", status_now().plans);
        CHECK(users_of_plan(&descriptions[0].cif) == (unsigned)i + 1, "closure %d", i);
    }
    plan = tfd_plan_get(&descriptions[0].cif);
    for (int i = 0; i < 100; i++) {
        trampfd_closure_free(closures[i]);
        CHECK(plan->use->references == 101, "closure %d, freed", i);
    }
    hand_out_all();
    CHECK(plan->use->references == 1, "%u references after all slots were handed out again",
          plan->use->references);
    tfd_plan_put(plan);
    CHECK(tfd_plan_count() == before + 1, "a plan is not kept");
    CHECK(tfd_plan_get(&descriptions[50].cif) == plan, "the kept plan is not used again");
    tfd_plan_put(plan);
}

static void check_preparing_again(void)
{
    void *code, *closure = allocate(&code);
    description description;
    struct numbered other;
    ffi_cif no_abi;

    describe_signature(&description);
    number_signature(&other, 1);
    no_abi = description.cif;
    no_abi.abi = FFI_LAST_ABI;
    for (int i = 0; i < 1000; i++) {
        CHECK(!trampfd_closure_prep(closure, &description.cif, ignore, NULL), "round %d", i);
        CHECK(!trampfd_closure_prep(closure, &description.cif, ignore, NULL), "round %d", i);
        CHECK(users_of_plan(&description.cif) == 1, "round %d", i);
        CHECK(trampfd_closure_prep(closure, &no_abi, ignore, NULL) == -ENOTSUP, "an ABI of libffi");
        CHECK(users_of_plan(&description.cif) == 1, "round %d: after a failure", i);
        CHECK(!trampfd_closure_prep(closure, &other.cif, ignore, NULL), "round %d", i);
        CHECK(users_of_plan(&description.cif) == 0, "round %d", i);
        CHECK(users_of_plan(&other.cif) == 1, "round %d", i);
    }
    trampfd_closure_free(closure);
    CHECK(users_of_plan(&other.cif) == 1, "the dead record");
    hand_out_all();
    CHECK(users_of_plan(&other.cif) == 0, "after all");
}

static void check_idle(void)
{
    static struct numbered signatures[2 * IDLE_MAX];
    adder *code;
    void *living = make(5, &code);
    void *closures[2 * IDLE_MAX], *other_code;
    unsigned times_kept = 0;

    for (unsigned i = 0; i < 2 * IDLE_MAX; i++) {
        closures[i] = allocate(&other_code);
        CHECK(!trampfd_closure_prep(closures[i], number_signature(&signatures[i], i), ignore, NULL),
              "closure %u", i);
    }
    CHECK(tfd_plan_count() > 2 * IDLE_MAX, "plans in use are not kept");
    for (unsigned i = 0; i < 2 * IDLE_MAX; i++)
        trampfd_closure_free(closures[i]);
    CHECK(tfd_plan_count() > 2 * IDLE_MAX, "dead records do not keep their plans");
    hand_out_all();
    CHECK(tfd_plan_count() <= IDLE_MAX + 1, "%u plans are kept", tfd_plan_count());

    for (unsigned i = 0; i < 10000; i++) {
        touch_signature(i);
        CHECK(tfd_plan_count() <= IDLE_MAX + 1 + TRAMPFD_BLOCK_SLOTS, "%u plans are kept",
              tfd_plan_count());
        times_kept += tfd_plan_count() > IDLE_MAX / 2;
    }
    CHECK(times_kept > 1000, "hardly any plan is kept");
    hand_out_all();
    CHECK(tfd_plan_count() <= IDLE_MAX + 1, "%u plans are kept", tfd_plan_count());
    CHECK(code(1) == 6 && users_of_plan(adder_cif()) == 1, "the plan in use");
    trampfd_closure_free(living);
}

int main(void)
{
    CHECK(status_now().plans == 0, "%zu plans before the first", status_now().plans);
    check_sharing();
    check_preparing_again();
    check_idle();
    return 0;
}
