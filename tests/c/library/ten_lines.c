/* SPDX-License-Identifier: MIT */
/* A newcomer's program, C and C++ alike. */
#include <stdio.h>
#include <trampfd.h>

static void twice(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    *(ffi_arg *)result = (ffi_arg)(*(int *)arguments[0] * 2);
    (void)cif, (void)user_data;
}

int main(void)
{
    ffi_type *types[] = {&ffi_type_sint};
    ffi_cif cif;
    void *code, *closure = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);

    ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types);
    trampfd_closure_prep((ffi_closure *)closure, &cif, twice, NULL);
    int answer = ((int (*)(int))code)(21);
    printf("%d\n", answer);
    trampfd_closure_free(closure);
    return answer != 42;
}
