/* SPDX-License-Identifier: MIT */
/* libffi's raw and Java raw closures, which it prepares by its own means. */
#include "adder.h"

#if FFI_NATIVE_RAW_API
int main(void)
{
    fprintf(stderr,
            "libffi has no Java raw closures where raw closures have arguments as C has them\n");
    return 77;
}
#else
static int handled;

static void raw_handler(ffi_cif *cif, void *result, ffi_raw *arguments, void *user_data)
{
    CHECK(cif == adder_cif());
    handled++;
    *(ffi_arg *)result = (ffi_arg)(arguments[0].sint + (int)(intptr_t)user_data);
}

static void java_handler(ffi_cif *cif, void *result, ffi_java_raw *arguments, void *user_data)
{
    raw_handler(cif, result, (ffi_raw *)arguments, user_data);
}

int main(void)
{
    adder *code[2];
    ffi_raw_closure *raw = ffi_closure_alloc(sizeof(*raw), (void **)&code[0]);
    ffi_java_raw_closure *java = ffi_closure_alloc(sizeof(*java), (void **)&code[1]);

    CHECK(raw && java);
    CHECK(ffi_prep_raw_closure_loc(raw, adder_cif(), raw_handler, (void *)10, (void *)code[0])
          == FFI_OK);
    CHECK(
        ffi_prep_java_raw_closure_loc(java, adder_cif(), java_handler, (void *)20, (void *)code[1])
        == FFI_OK);
    CHECK(code[0](1) == 11 && code[1](1) == 21 && handled == 2);

    CHECK(ffi_prep_raw_closure(raw, adder_cif(), raw_handler, (void *)30) == FFI_OK);
    CHECK(ffi_prep_java_raw_closure(java, adder_cif(), java_handler, (void *)40) == FFI_OK);
    CHECK(code[0](1) == 31 && code[1](1) == 41 && handled == 4);

    ffi_closure_free(raw);
    ffi_closure_free(java);
    return has_wx();
}
#endif
