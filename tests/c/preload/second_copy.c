/* SPDX-License-Identifier: MIT */
/*
 * The argument is a second copy of libffi: closures that it made are freed through libffi's
 * functions as the program sees them.  Status 77: the copy writes no code.
 */
#include "adder.h"

#include <dlfcn.h>

typedef void *alloc_function(size_t, void **);
typedef ffi_status prep_function(ffi_closure *, ffi_cif *,
                                 void (*)(ffi_cif *, void *, void **, void *), void *, void *);

int main(int argc, char **argv)
{
    void *copy = argc == 2 ? dlopen(argv[1], RTLD_NOW | RTLD_LOCAL) : NULL;
    alloc_function *alloc;
    prep_function *prep;
    void *first = NULL;

    CHECK(copy);
    alloc = (alloc_function *)dlsym(copy, "ffi_closure_alloc");
    prep = (prep_function *)dlsym(copy, "ffi_prep_closure_loc");
    CHECK(alloc && prep && alloc != ffi_closure_alloc);
    for (int i = 0; i < 3; i++) {
        adder *code, *ours;
        ffi_closure *closure = alloc(sizeof(*closure), (void **)&code);
        void *own = adder_make(sizeof(ffi_closure), 2, &ours);

        CHECK(closure && prep(closure, adder_cif(), adder_handler, (void *)3, (void *)code) == 0);
        CHECK(code(1) == 4);
        if ((void *)code != (void *)closure)
            return 77;
        /* The copy took it back: it hands it out again. */
        CHECK(!first || first == closure);
        first = closure;
        ffi_closure_free(closure);
        CHECK(ours(1) == 3);
        ffi_closure_free(own);
    }
    return 0;
}
