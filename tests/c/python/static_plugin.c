/* SPDX-License-Identifier: MIT */
/* A library that makes a closure for itself, with the libffi that it is linked with. */
#include <ffi.h>
#include <stddef.h>

static void answer(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif, (void)arguments, (void)user_data;
    *(ffi_arg *)result = 42;
}

/* An int(void) that returns 42; NULL if there is none. */
void *make_closure(void)
{
    static ffi_cif cif;
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), &code);

    if (!closure || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 0, &ffi_type_sint, NULL) != FFI_OK
        || ffi_prep_closure_loc(closure, &cif, answer, NULL, code) != FFI_OK)
        return NULL;
    return code;
}
