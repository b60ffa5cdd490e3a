/* SPDX-License-Identifier: MIT */
/* A closure prepared for a plan, for libffi and for a plan again; with and without a heap block. */
#include "closures.h"

enum { MANY = 1100 };

static void sum(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    ffi_sarg total = *(int *)user_data;

    for (unsigned i = 0; i < cif->nargs; i++)
        total += *(int *)arguments[i];
    *(ffi_sarg *)result = total;
}

static void check(size_t size)
{
    static ffi_type *types[MANY];
    static int values[MANY];
    void *pointers[MANY], *code;
    void *closure = trampfd_closure_alloc(size, &code, NULL);
    size_t without_plan = status_now().without_plan;
    int offset = 1000;
    ffi_arg result;
    ffi_cif many;

    CHECK(closure, "size %zu: %s", size, strerror(errno));
    for (int i = 0; i < MANY; i++) {
        types[i] = &ffi_type_sint;
        values[i] = i;
        pointers[i] = &values[i];
    }
    make_cif(&many, &ffi_type_sint, MANY, types);
    for (size_t i = 1; i <= 100; i++) {
        CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)i), "round %zu", i);
        CHECK(entry_of(code) == TRAMPFD_ENTRY_PLAN, "round %zu", i);
        CHECK(users_of_plan(adder_cif()) == 1, "round %zu", i);
        CHECK(((adder *)code)(1) == (int)i + 1, "round %zu", i);

        CHECK(!trampfd_closure_prep(closure, &many, sum, &offset), "round %zu", i);
        CHECK(entry_of(code) == TRAMPFD_ENTRY_LIBFFI, "round %zu", i);
        CHECK(users_of_plan(adder_cif()) == 0, "round %zu", i);
        CHECK(status_now().without_plan == without_plan + i, "round %zu: %zu without plan", i,
              status_now().without_plan);
        ffi_call(&many, FFI_FN(code), &result, pointers);
        CHECK((int)result == offset + MANY * (MANY - 1) / 2, "round %zu", i);
    }
    trampfd_closure_free(closure);
}

int main(void)
{
    check(sizeof(ffi_closure));
    check(500);
    return 0;
}
