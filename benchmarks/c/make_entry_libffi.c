/* SPDX-License-Identifier: MIT */
/* trampfd with the entry for signatures that have no plan: libffi marshals. */
#include "maker.h"

#include <closure/closure.h>
#include <closure/entry.h>
#include <errno.h>
#include <trampfd.h>
#include <slot/pool.h>

void *maker_new(ffi_cif *cif, handler *fun, void **code)
{
    union tfd_record record = {.closure = {.cif = cif, .fun = fun}};
    struct tfd_slot slot;
    void *closure = tfd_closure_new(sizeof(ffi_closure), &slot, NULL);
    int error;

    if (!closure)
        return NULL;
    error = tfd_entry_libffi_set(&record);
    if (!error)
        error = tfd_pool_store(slot, &record);
    if (error) {
        trampfd_closure_free(closure);
        errno = -error;
        return NULL;
    }
    *code = tfd_slot_code(slot);
    return closure;
}

void maker_free(void *closure)
{
    trampfd_closure_free(closure);
}
