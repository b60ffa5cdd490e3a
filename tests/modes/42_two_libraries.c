/* SPDX-License-Identifier: MIT */
/*
 * Two libraries make closures in one process
 *
 * the tested one and a stock libffi, each in a thread of its own, each freeing its own.
 *
 * Right: works
 */
#include "threads.h"

#include <dlfcn.h>

static void *(*its_alloc)(size_t, void **);
static void (*its_free)(void *);
static ffi_status (*its_prepare)(ffi_closure *, ffi_cif *,
                                 void (*)(ffi_cif *, void *, void **, void *), void *, void *);

static void *use_other(void *unused)
{
    for (int i = 0; i < 200000; i++) {
        struct closure one = {.number = i};

        one.writable = its_alloc(sizeof(ffi_closure), (void **)&one.code);
        NEED(one.writable, "a closure of the other library");
        its_prepare(one.writable, adder_cif(), add, (void *)(intptr_t)i, (void *)one.code);
        check(one);
        its_free(one.writable);
    }
    stop = 1;
    return unused;
}

int main(void)
{
    void *other = dlopen(getenv("MODE_OTHER"), RTLD_NOW | RTLD_LOCAL);
    pthread_t thread;

    NEED(other, "a second libffi");
    its_alloc = (void *(*)(size_t, void **))dlsym(other, "ffi_closure_alloc");
    its_free = (void (*)(void *))dlsym(other, "ffi_closure_free");
    its_prepare = (__typeof__(its_prepare))dlsym(other, "ffi_prep_closure_loc");
    thread = start(use_other, NULL);
    churn(NULL);
    join(thread);
    grow();
    return 0;
}
