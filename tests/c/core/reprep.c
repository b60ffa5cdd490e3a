/* SPDX-License-Identifier: MIT */
/* A closure can be retargeted: other data, another handler, another signature. */
#include "check.h"

static void halve(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    *(double *)result = *(double *)arguments[0] / 2 + *(double *)user_data;
}

static void check(size_t size)
{
    static ffi_type *types[] = {&ffi_type_double};
    double offset = 0.25;
    void *code;
    void *closure = trampfd_closure_alloc(size, &code, NULL);
    ffi_cif of_double;

    CHECK(closure, "size %zu: %s", size, strerror(errno));
    CHECK(ffi_prep_cif(&of_double, FFI_DEFAULT_ABI, 1, &ffi_type_double, types) == FFI_OK, "cif");
    for (int i = 0; i < 100; i++) {
        CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)(intptr_t)i), "round %d", i);
        CHECK(((adder *)code)(1) == i + 1, "round %d", i);
        CHECK(!trampfd_closure_prep(closure, &of_double, halve, &offset), "round %d", i);
        CHECK(((double (*)(double))code)(i) == i / 2.0 + 0.25, "round %d", i);
    }
    trampfd_closure_free(closure);
}

int main(void)
{
    check(sizeof(ffi_closure));
    check(500);
    return 0;
}
