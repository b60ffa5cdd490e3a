/* SPDX-License-Identifier: MIT */
/* A closure is called after it was freed: by its writable or by its code address. */
#include "adder.h"

int main(int argc, char **argv)
{
    adder *code;
    void *closure = adder_make(sizeof(ffi_closure), 1, &code);

    CHECK(argc == 2);
    ffi_closure_free(argv[1][0] == 'w' ? closure : (void *)code);
    return code(2);
}
