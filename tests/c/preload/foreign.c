/* SPDX-License-Identifier: MIT */
/*
 * The argument is a second copy of libffi: it prepares closures that the program allocated by the
 * functions which the loader found for it.  Status 77: the copy has static trampolines, which
 * need closures of its own, on stock too.
 */
#include "adder.h"

#include <dlfcn.h>

typedef ffi_status prep_function(ffi_closure *, ffi_cif *,
                                 void (*)(ffi_cif *, void *, void **, void *), void *, void *);

static void *make(prep_function *prep, size_t size, int number, adder **code)
{
    ffi_closure *closure = ffi_closure_alloc(size, (void **)code);

    CHECK(closure);
    CHECK(prep(closure, adder_cif(), adder_handler, (void *)(intptr_t)number, (void *)*code)
          == FFI_OK);
    return closure;
}

int main(int argc, char **argv)
{
    void *copy = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    prep_function *prep = copy ? (prep_function *)dlsym(copy, "ffi_prep_closure_loc") : NULL;

    CHECK(prep && prep != ffi_prep_closure_loc);
    for (int i = 0; i < 2000; i++) {
        adder *code, *ours;
        void *closure = make(prep, i % 2 ? sizeof(ffi_closure) : 200, i, &code);
        void *own = make(ffi_prep_closure_loc, sizeof(ffi_closure), 2, &ours);

        CHECK(code(1) == 1 + i);
        CHECK(ours(1) == 3);
        /* By the one and then by the other. */
        CHECK(ffi_prep_closure_loc(closure, adder_cif(), adder_handler, (void *)9, (void *)code)
              == FFI_OK);
        CHECK(code(1) == 10);
        ffi_closure_free(closure);
        ffi_closure_free(own);
    }
    return 0;
}
