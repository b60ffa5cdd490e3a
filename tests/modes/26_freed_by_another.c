/* SPDX-License-Identifier: MIT */
/*
 * A closure is made by one library and freed by another
 *
 * where the process has a stock libffi beside: the mistake is handled or reported.
 *
 * Ways: made by the other; freed by the other
 * Right: works
 * Right when freed by the other: limit: only that library sees the call
 */
#include "mode.h"

#include <dlfcn.h>

int main(int argc, char **argv)
{
    void *other = dlopen(getenv("MODE_OTHER"), RTLD_NOW | RTLD_LOCAL);
    void *(*alloc)(size_t, void **);
    void (*release_it)(void *);
    ffi_status (*prepare)(ffi_closure *, ffi_cif *, void (*)(ffi_cif *, void *, void **, void *),
                          void *, void *);

    NEED(other, "a second libffi");
    alloc = (void *(*)(size_t, void **))dlsym(other, "ffi_closure_alloc");
    release_it = (void (*)(void *))dlsym(other, "ffi_closure_free");
    prepare = (__typeof__(prepare))dlsym(other, "ffi_prep_closure_loc");
    for (int i = 0; i < 100; i++) {
        struct closure one, its = {.number = i};

        its.writable = alloc(sizeof(ffi_closure), (void **)&its.code);
        prepare(its.writable, adder_cif(), add, (void *)(intptr_t)i, (void *)its.code);
        one = make(i);
        check(its);
        check(one);
        (way("made by the other") ? ffi_closure_free : release_it)(its.writable);
        (way("made by the other") ? ffi_closure_free : release_it)(one.writable);
    }
    grow();
    return 0;
}
