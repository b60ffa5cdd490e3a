/* SPDX-License-Identifier: MIT */
/* What cannot be prepared is refused with EINVAL or ENOTSUP, and a live closure stays as it was. */
#include "check.h"

static void refuse(void *closure, ffi_cif *cif, trampfd_handler fun, int error, const char *what)
{
    int got = trampfd_closure_prep(closure, cif, fun, NULL);

    CHECK(got == -error, "%s: %d", what, got);
}

int main(void)
{
    adder *code, *freed_code;
    void *closure = make(5, &code);
    void *freed = make(6, &freed_code);
    char *on_heap = calloc(1, 1000);
    long on_stack[20] = {0};
    ffi_cif strange = *adder_cif();

    trampfd_closure_free(freed);
    strange.abi = (ffi_abi)99;
    refuse(NULL, adder_cif(), add, EINVAL, "no closure");
    refuse(closure, NULL, add, EINVAL, "no cif");
    refuse(closure, adder_cif(), NULL, EINVAL, "no function");
    refuse(freed, adder_cif(), add, EINVAL, "freed closure");
    refuse((void *)code, adder_cif(), add, EINVAL, "code address");
    refuse((char *)closure + 8, adder_cif(), add, EINVAL, "middle of a closure");
    refuse(on_heap + 64, adder_cif(), add, EINVAL, "heap");
    refuse(&on_stack[10], adder_cif(), add, EINVAL, "stack");
    refuse(closure, &strange, add, ENOTSUP, "unknown ABI");
    strange.rtype = NULL;
    refuse(closure, &strange, add, ENOTSUP, "unknown ABI and no types");
    CHECK(code(1) == 6, "the closure changed");
    trampfd_closure_free(closure);
    free(on_heap);
    return 0;
}
