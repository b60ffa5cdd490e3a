/* SPDX-License-Identifier: MIT */
/* Signatures that are too long for a plan go to libffi, are counted, and work. */
#include "closures.h"

enum { MANY = 3000, DEEP = 200 };

static int values[MANY];

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)user_data;
    for (unsigned i = 0; i < cif->nargs; i++)
        CHECK(*(int *)arguments[i] == values[i], "%u arguments: number %u", cif->nargs, i);
    *(ffi_arg *)result = cif->nargs;
}

static enum trampfd_entry call(ffi_cif *cif)
{
    size_t without_plan = status_now().without_plan;
    void *code, *closure = allocate(&code), *pointers[MANY];
    enum trampfd_entry entry;
    ffi_arg result = 0;

    for (unsigned i = 0; i < cif->nargs; i++)
        pointers[i] = &values[i];
    CHECK(!trampfd_closure_prep(closure, cif, handle, NULL), "%u arguments", cif->nargs);
    entry = entry_of(code);
    CHECK(status_now().without_plan == without_plan + (entry == TRAMPFD_ENTRY_LIBFFI),
          "%zu without plan", status_now().without_plan);
    ffi_call(cif, FFI_FN(code), &result, pointers);
    CHECK(result == cif->nargs, "%u arguments: %lu", cif->nargs, result);
    trampfd_closure_free(closure);
    return entry;
}

static void check_many_arguments(void)
{
    static ffi_type *types[MANY];
    enum trampfd_entry entry = TRAMPFD_ENTRY_PLAN;
    ffi_cif cif;

    for (int i = 0; i < MANY; i++) {
        types[i] = &ffi_type_sint;
        values[i] = -i;
    }
    for (unsigned count = 0; count <= MANY; count += count < 200 ? 1 : 100) {
        enum trampfd_entry this_one;

        make_cif(&cif, &ffi_type_uint, count, types);
        this_one = call(&cif);
        CHECK(this_one == entry || entry == TRAMPFD_ENTRY_PLAN, "%u arguments have a plan", count);
        CHECK(this_one == TRAMPFD_ENTRY_PLAN || count > 100, "%u arguments have none", count);
        entry = this_one;
    }
    CHECK(entry == TRAMPFD_ENTRY_LIBFFI, "%d arguments have a plan", MANY);
}

/* struct {struct {... int; int;} int;} */
static void check_deep_structure(void)
{
    static ffi_type types[DEEP], *members[DEEP][3], *argument = &types[0];
    ffi_cif cif;

    for (int i = 0; i < DEEP; i++) {
        members[i][0] = i + 1 < DEEP ? &types[i + 1] : &ffi_type_sint;
        members[i][1] = &ffi_type_sint;
        types[i] = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = members[i]};
    }
    make_cif(&cif, &ffi_type_uint, 1, &argument);
    CHECK(call(&cif) == TRAMPFD_ENTRY_LIBFFI, "a structure of depth %d has a plan", DEEP);
}

int main(void)
{
    check_many_arguments();
    check_deep_structure();
    return 0;
}
