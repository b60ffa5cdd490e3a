/* SPDX-License-Identifier: MIT */
/*
 * Free what is not a live closure, as the first argument names it; the second is the size of the
 * closure.
 */
#include "adder.h"

int main(int argc, char **argv)
{
    size_t size = argc == 3 ? (size_t)atoi(argv[2]) : 0;
    adder *code, *others[300];
    char *closure = adder_make(size, 1, &code);

    if (!strcmp(argv[1], "inside the code")) {
        ffi_closure_free((char *)code + 4);
    } else if (!strcmp(argv[1], "inside the closure")) {
        ffi_closure_free(closure + 8);
    } else if (!strcmp(argv[1], "long ago")) {
        ffi_closure_free(closure);
        for (int i = 0; i < 300; i++)
            ffi_closure_free(adder_make(size + (size_t)i, i, &others[i]));
        ffi_closure_free(closure);
    } else {
        ffi_closure_free(closure);
        ffi_closure_free(closure);
    }
    return 0;
}
