/* SPDX-License-Identifier: MIT */
#include "callback.h"

#include <trampfd.h>

#include "_cgo_export.h" /* compareByHandle(), from main.go */

static ffi_type *arguments[] = {&ffi_type_pointer, &ffi_type_pointer, &ffi_type_pointer};
static ffi_cif cif;

__attribute__((constructor)) static void describe(void)
{
    ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 3, &ffi_type_sint, arguments);
}

void *callback_make(uintptr_t handle, compare *code)
{
    void *address, *closure;

    closure = trampfd_bind(&cif, (void (*)(void))compareByHandle, (void *)handle, TRAMPFD_LAST,
                           &address, NULL);
    *code = (compare)address;
    return closure;
}

void callback_free(void *closure)
{
    trampfd_closure_free(closure);
}
