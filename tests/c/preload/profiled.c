/* SPDX-License-Identifier: MIT */
/* For profilers: spends its time in handlers of the last of so many closures; the_caller() calls. */
#include "adder.h"

static volatile long sum;

__attribute__((noinline)) static void work(ffi_cif *cif, void *result, void **arguments, void *data)
{
    (void)cif, (void)data;
    for (int i = 0; i < 2000; i++)
        sum += i;
    *(ffi_arg *)result = (ffi_arg) * (int *)arguments[0];
}

__attribute__((noinline)) static int the_caller(adder *code)
{
    int wrong = 0;

    for (int i = 0; i < 200000; i++)
        wrong += code(i) != i;
    return wrong;
}

int main(int argc, char **argv)
{
    void *closure = NULL;
    adder *code;

    CHECK(argc == 2);
    for (int i = 0; i < atoi(argv[1]); i++)
        closure = adder_make(sizeof(ffi_closure), 1, &code);
    CHECK(ffi_prep_closure_loc(closure, adder_cif(), work, NULL, (void *)code) == FFI_OK);
    return the_caller(code);
}
