/* SPDX-License-Identifier: MIT */
/* Every ABI that libffi knows: as many are prepared as on stock, and each is called. */
#include "adder.h"

typedef int __attribute__((ms_abi)) ms_adder(int);

/* Apart: gcc 12 takes two calls that differ in nothing but the ABI for one. */
static __attribute__((noipa)) int call_ms(void *code)
{
    return ((ms_adder *)code)(1);
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
            CHECK((abi == FFI_UNIX64 ? call(code) : call_ms(code)) == 10);
        }
        ffi_closure_free(closure);
    }
    printf("%u\n", prepared);
    return prepared < 2;
}
