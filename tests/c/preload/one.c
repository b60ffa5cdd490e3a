/* SPDX-License-Identifier: MIT */
/* Make, call and free one closure, and say whether memory is writable and executable. */
#include "adder.h"

int main(void)
{
    adder *code;

    ffi_closure_free(adder_make(sizeof(ffi_closure), 2, &code));
    printf("%s\n", has_wx() ? "wx" : "clean");
    return 0;
}
