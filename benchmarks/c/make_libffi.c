/* SPDX-License-Identifier: MIT */
/* libffi's own closures, of whichever libffi this is linked with. */
#include "maker.h"

#include <errno.h>

void *maker_new(ffi_cif *cif, handler *fun, void **code)
{
    ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), code);

    if (!closure) {
        errno = ENOMEM;
        return NULL;
    }
    if (ffi_prep_closure_loc(closure, cif, fun, NULL, *code) != FFI_OK) {
        ffi_closure_free(closure);
        errno = ENOTSUP;
        return NULL;
    }
    return closure;
}

void maker_free(void *closure)
{
    ffi_closure_free(closure);
}
