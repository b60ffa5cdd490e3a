/* SPDX-License-Identifier: MIT */
/* trampfd with the entry for signatures that have no plan: libffi marshals. */
#include "maker.h"

#include <closure/entry.h>
#include <errno.h>
#include <trampfd.h>
#include <slot/pool.h>

void *maker_new(ffi_cif *cif, handler *fun, void **code)
{
    union tfd_record record = {.closure = {.cif = cif, .fun = fun}};
    void *closure = trampfd_closure_alloc(sizeof(ffi_closure), code, NULL);
    int error;

    if (!closure)
        return NULL;
    error = tfd_entry_libffi_set(&record);
    if (!error)
        error = tfd_pool_store(tfd_pool_find_closure(closure), &record);
    if (!error)
        return closure;
    trampfd_closure_free(closure);
    errno = -error;
    return NULL;
}

void maker_free(void *closure)
{
    trampfd_closure_free(closure);
}
