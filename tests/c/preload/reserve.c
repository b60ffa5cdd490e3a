/* SPDX-License-Identifier: MIT */
/*
 * A program that knows of libffi only, and makes 10,000 closures under a filter that kills it for
 * nearly every system call: TRAMPFD_RESERVE has reserved them.
 */
#include "filter.h"

#include <ffi.h>
#include <stdint.h>

enum { COUNT = 10000, ROUNDS = 3 };

typedef int adder(int);

static ffi_type *types[] = {&ffi_type_sint};
static ffi_cif cif;
static ffi_closure *closures[COUNT];
static adder *codes[COUNT];

static void add(ffi_cif *unused, void *result, void **arguments, void *user_data)
{
    (void)unused;
    *(ffi_sarg *)result = *(int *)arguments[0] + (int)(intptr_t)user_data;
}

static void make(int i)
{
    closures[i] = ffi_closure_alloc(sizeof(ffi_closure), (void **)&codes[i]);
    NEED(closures[i], "a closure that was reserved is refused");
    NEED(ffi_prep_closure_loc(closures[i], &cif, add, (void *)(intptr_t)i, (void *)codes[i])
             == FFI_OK,
         "preparation");
}

int main(void)
{
    NEED(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) == FFI_OK, "ffi_prep_cif");
    make(0);
    ffi_closure_free(closures[0]);
    set_filter();
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < COUNT; i++)
            make(i);
        for (int i = 0; i < COUNT; i++)
            NEED(codes[i](7) == i + 7, "a call gives something else");
        for (int i = 0; i < COUNT; i++)
            ffi_closure_free(closures[i]);
    }
    _exit(0);
}
