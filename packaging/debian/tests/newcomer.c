/* SPDX-License-Identifier: MIT */
/* Ten lines with the installed library: a function pointer made at run time, called, given back. */
#include <stdio.h>
#include <trampfd.h>

static void add(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    *(ffi_sarg *)result = *(int *)arguments[0] + *(int *)user_data;
}

int main(void)
{
    int two = 2, answer;
    ffi_cif cif;
    ffi_type *types[] = {&ffi_type_sint};
    void *code, *closure = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);

    if (!closure || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) != FFI_OK)
        return 1;
    if (trampfd_closure_prep((ffi_closure *)closure, &cif, add, &two) != 0)
        return 1;
    answer = ((int (*)(int))code)(40);
    trampfd_closure_free(closure);
    printf("%d\n", answer);
    return answer != 42;
}
