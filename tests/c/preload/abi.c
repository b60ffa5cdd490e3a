/* SPDX-License-Identifier: MIT */
/* Every ABI that libffi knows: as many are prepared as on stock, and each is called. */
#include "adder.h"
#include "traits.h"

typedef OTHER_ABI int other_adder(int);

/* Apart: gcc 12 takes two calls that differ in nothing but the ABI for one. */
static __attribute__((noipa)) int call_other(void *code)
{
    return ((other_adder *)code)(1);
}

static __attribute__((noipa)) int call(void *code)
{
    return ((adder *)code)(1);
}

int main(void)
{
    unsigned prepared = 0;

    for (int abi = FFI_FIRST_ABI; abi <= FFI_LAST_ABI + 1; abi++) {
        void *code;
        ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), &code);
        ffi_cif cif = *adder_cif();

        CHECK(closure);
        if (ffi_prep_cif(&cif, (ffi_abi)abi, 1, &ffi_type_sint, adder_types) != FFI_OK)
            cif.abi = (ffi_abi)abi;
        if (ffi_prep_closure_loc(closure, &cif, adder_handler, (void *)9, code) == FFI_OK) {
            prepared++;
            CHECK((abi == FFI_DEFAULT_ABI ? call(code) : call_other(code)) == 10);
        }
        ffi_closure_free(closure);
    }
    printf("%u\n", prepared);
    return prepared < 2;
}
