/* SPDX-License-Identifier: MIT */
/* A closure is freed twice: by the addresses that the argument names, w(ritable) or c(ode). */
#include "adder.h"

int main(int argc, char **argv)
{
    adder *code;
    void *closure = adder_make(sizeof(ffi_closure), 1, &code);

    CHECK(argc == 2);
    ffi_closure_free(argv[1][0] == 'w' ? closure : (void *)code);
    ffi_closure_free(argv[1][1] == 'w' ? closure : (void *)code);
    return 0;
}
