/* SPDX-License-Identifier: MIT */
/* Linked with the preload library alone: what would be libffi's to do is refused. */
#include <ffi.h>
#include <stdlib.h>

int main(void)
{
    ffi_closure *own = calloc(1, sizeof(*own));
    ffi_cif cif = {.abi = FFI_DEFAULT_ABI};

    if (!own || ffi_prep_closure_loc(own, &cif, NULL, NULL, own) != FFI_BAD_ABI)
        return 1;
    ffi_closure_free(own);
    free(own);
    return 0;
}
