/* SPDX-License-Identifier: MIT */
/*
 * What a program stores in a closure after it was prepared counts at the next call: in one of the
 * size that the argument gives.  With "signature" after it the cif is replaced by one of another
 * signature, which only libffi itself could serve.
 */
#include "adder.h"

static void subtracter(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    *(ffi_arg *)result = (ffi_arg)(*(int *)arguments[0] - (int)(intptr_t)user_data);
}

static ffi_cif *seen;

static void looker(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    seen = cif;
    adder_handler(cif, result, arguments, user_data);
}

int main(int argc, char **argv)
{
    ffi_type *two[] = {&ffi_type_sint, &ffi_type_sint};
    ffi_cif other, wider;
    adder *code;
    ffi_closure *closure = adder_make(argc > 1 ? (size_t)atoi(argv[1]) : 0, 1, &code);

    CHECK(code(10) == 11);
    closure->user_data = (void *)5;
    CHECK(code(10) == 15);
    closure->fun = subtracter;
    CHECK(code(10) == 5);
    closure->fun = looker;
    CHECK(ffi_prep_cif(&other, FFI_DEFAULT_ABI, 1, &ffi_type_sint, adder_types) == FFI_OK);
    CHECK(code(10) == 15 && seen == adder_cif());
    closure->cif = &other;
    CHECK(code(10) == 15 && seen == &other);
    CHECK(ffi_prep_cif(&wider, FFI_DEFAULT_ABI, 2, &ffi_type_sint, two) == FFI_OK);
    if (argc > 2) {
        closure->cif = &wider;
        CHECK(code(10) == 15 && seen == &wider);
    }
    /* Preparing it again counts as ever. */
    CHECK(ffi_prep_closure_loc(closure, adder_cif(), adder_handler, (void *)7, (void *)code)
          == FFI_OK);
    CHECK(code(10) == 17);
    ffi_closure_free(closure);
    return has_wx();
}
