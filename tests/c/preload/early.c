/* SPDX-License-Identifier: MIT */
/* A closure made before any constructor has run works, then and in main. */
#include "adder.h"

static adder *early;
static void *closure;

static void make_early(void)
{
    closure = adder_make(sizeof(ffi_closure), 6, &early);
}

__attribute__((section(".preinit_array"), used)) static void (*const preinit)(void) = make_early;

int main(void)
{
    if (!early) {
        fputs("the C library runs no .preinit_array\n", stderr);
        return 77;
    }
    CHECK(early(1) == 7);
    ffi_closure_free(closure);
    return has_wx();
}
