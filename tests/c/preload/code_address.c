/* SPDX-License-Identifier: MIT */
/*
 * Closures prepared and freed by their code address instead of the writable one, far more often
 * than there are slots; the slots are used again.
 */
#include "adder.h"

int main(void)
{
    for (int i = 0; i < 20000; i++) {
        adder *code;

        CHECK(ffi_closure_alloc(sizeof(ffi_closure) + (size_t)i % 2 * 100, (void **)&code));
        CHECK(
            ffi_prep_closure_loc((void *)code, adder_cif(), adder_handler, (void *)5, (void *)code)
            == FFI_OK);
        CHECK(code(1) == 6);
        ffi_closure_free((void *)code);
    }
    return has_wx();
}
