/* SPDX-License-Identifier: MIT */
/*
 * A closure is freed by its code address
 *
 * which is not its own where W+X memory is refused, or which is written to by callers who think so.
 *
 * Ways: freed by the code address; prepared and freed by the code address
 * Right: works
 */
#include "policy.h"

int main(int argc, char **argv)
{
    struct closure many[100];

    set_mdwe();
    for (int round = 0; round < 20; round++) {
        for (int i = 0; i < 100; i++) {
            many[i] = make(i);
            if (way("prepared and freed by the code address"))
                ffi_prep_closure_loc((void *)many[i].code, adder_cif(), add, (void *)(intptr_t)i,
                                     (void *)many[i].code);
        }
        check_many(many, 100);
        for (int i = 0; i < 100; i++)
            ffi_closure_free((void *)many[i].code);
    }
    grow();
    return 0;
}
