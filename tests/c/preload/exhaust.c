/* SPDX-License-Identifier: MIT */
/*
 * Make closures in a process that may open no file and has no room for another table: there is an
 * end, NULL says so, and what was made goes on working.
 */
#include "adder.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#define MAX 100000

int main(void)
{
    static const struct rlimit none = {0, 0};
    static void *closures[MAX];
    static adder *code[MAX];
    int made = 0;

    CHECK(!setrlimit(RLIMIT_NOFILE, &none));
    while (made < MAX
           && (closures[made] = ffi_closure_alloc(sizeof(ffi_closure), (void **)&code[made]))) {
        CHECK(ffi_prep_closure_loc(closures[made], adder_cif(), adder_handler,
                                   (void *)(intptr_t)made, (void *)code[made])
              == FFI_OK);
        made++;
    }
    CHECK(!ffi_closure_alloc(sizeof(ffi_closure), &(void *){NULL}));
    for (int i = 0; i < made; i++)
        CHECK(code[i](1) == i + 1);
    ffi_closure_free(closures[0]);
    CHECK(ffi_closure_alloc(sizeof(ffi_closure), &(void *){NULL}));
    printf("%d\n", made);
    return 0;
}
