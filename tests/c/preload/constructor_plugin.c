/* SPDX-License-Identifier: MIT */
/*
 * A library whose constructor, and so dlopen(3), waits for a thread that makes closures: of a
 * signature that has a plan, and with LIBFFI of one that is left to libffi.
 */
#include "adder.h"
#include "traits.h"

#include <pthread.h>

#ifdef LIBFFI
#define ABI OTHER_FFI_ABI
typedef OTHER_ABI int called(int);
#else
#define ABI FFI_DEFAULT_ABI
typedef adder called;
#endif

static void *make(void *unused)
{
    ffi_cif cif;
    called *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), (void **)&code);

    CHECK(closure);
    CHECK(ffi_prep_cif(&cif, ABI, 1, &ffi_type_sint, adder_types) == FFI_OK);
    CHECK(ffi_prep_closure_loc(closure, &cif, adder_handler, (void *)4, (void *)code) == FFI_OK);
    CHECK(code(1) == 5);
    ffi_closure_free(closure);
    return unused;
}

__attribute__((constructor)) static void construct(void)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, make, NULL) && !pthread_join(thread, NULL));
}
