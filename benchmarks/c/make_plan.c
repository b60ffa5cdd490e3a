/* SPDX-License-Identifier: MIT */
/* trampfd, as its users get it. */
#include "maker.h"

#include <errno.h>
#include <trampfd.h>

void *maker_new(ffi_cif *cif, handler *fun, void **code)
{
    ffi_closure *closure = trampfd_closure_alloc(sizeof(*closure), code, NULL);
    int error;

    if (!closure)
        return NULL;
    error = trampfd_closure_prep(closure, cif, fun, NULL);
    if (error) {
        trampfd_closure_free(closure);
        errno = -error;
        return NULL;
    }
    return closure;
}

void maker_free(void *closure)
{
    trampfd_closure_free(closure);
}
