/* SPDX-License-Identifier: MIT */
/* ffi_prep_closure takes the writable address for the code: the code address works all the same. */
#include "adder.h"

int main(void)
{
    adder *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), (void **)&code);

    CHECK(closure);
    CHECK(ffi_prep_closure(closure, adder_cif(), adder_handler, (void *)3) == FFI_OK);
    CHECK(code(1) == 4);
    ffi_closure_free(closure);
    return has_wx();
}
