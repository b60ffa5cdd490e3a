/* SPDX-License-Identifier: MIT */
/*
 * A closure is freed by its own callback
 *
 * which goes on, makes other closures and returns its result.
 *
 * Right: works
 */
#include "mode.h"

static struct closure freed[1000], made[1000];

static void free_itself(ffi_cif *cif, void *result, void **arguments, void *data)
{
    int i = *(int *)arguments[0];

    (void)data;
    release(freed[i]);
    made[i] = make(i);
    EXPECT(cif->nargs == 1 && *(int *)arguments[0] == i, "the arguments are gone");
    *(ffi_arg *)result = (ffi_arg)(i + 1);
}

int main(void)
{
    for (int i = 0; i < 1000; i++) {
        freed[i] = make(0);
        ffi_prep_closure_loc(freed[i].writable, adder_cif(), free_itself, NULL,
                             (void *)freed[i].code);
        EXPECT(freed[i].code(i) == i + 1, "the result is lost");
    }
    check_many(made, 1000);
    return 0;
}
