/* SPDX-License-Identifier: MIT */
/*
 * libffi's Go closures are entered with the address of {entry, cif, handler} in the static chain
 * register, where a slot puts the address of the record.  They need no code of their own, and
 * support every signature and every ABI that libffi knows.
 */
#include "entry.h"

#include "libffi.h"
#include "slot/allowed.h"

#include <errno.h>

#ifndef FFI_GO_CLOSURES
#error "this libffi has no Go closures on this CPU; the libffi entry needs them"
#endif

/*
 * libffi passes the static chain as user data.  The handler gets the cif that the closure has now,
 * as with a plan: what a program stores in a closure counts.
 */
static void handler(ffi_cif *cif, void *result, void **arguments, void *chain)
{
    const union tfd_record *record = chain;

    (void)cif;
    record->closure.fun(record->closure.cif, result, arguments, record->closure.user_data);
}

static void handler_with_record(ffi_cif *cif, void *result, void **arguments, void *chain)
{
    const union tfd_record *record = chain;

    record->closure.fun(cif, result, arguments, chain);
}

/* 0 if libffi has none. */
static uintptr_t entry_for(ffi_abi abi, unsigned count)
{
    ffi_type none = {.size = 1, .alignment = 1, .type = FFI_TYPE_VOID};
    ffi_type real = {
        .size = sizeof(double),
        .alignment = _Alignof(double),
        .type = FFI_TYPE_DOUBLE,
    };
    ffi_type *arguments[] = {&real};
    ffi_go_closure go;
    ffi_cif cif;

    if (tfd_libffi_prep_cif(&cif, abi, count, &none, arguments) != FFI_OK
        || tfd_libffi_prep_go(&go, &cif, handler) != FFI_OK)
        return 0;
    return (uintptr_t)go.tramp;
}

/* libffi's choice depends on the ABI, and on whether vector registers have to be saved. */
void tfd_entry_libffi_allow(void)
{
    uintptr_t list[2 * FFI_LAST_ABI];
    unsigned length = 0;

    for (int abi = FFI_FIRST_ABI + 1; abi < FFI_LAST_ABI; abi++)
        for (unsigned count = 0; count <= 1; count++) {
            list[length] = entry_for((ffi_abi)abi, count);
            length += list[length] != 0;
        }
    tfd_allow_found(list, length);
}

static int set(union tfd_record *record, void (*function)(ffi_cif *, void *, void **, void *))
{
    ffi_cif *cif = record->closure.cif;
    ffi_go_closure go;

    if (TFD_PORT_LACKS_ABI(cif->abi) || tfd_libffi_prep_go(&go, cif, function) != FFI_OK)
        return -ENOTSUP;
    record->go.entry = (tfd_entry *)go.tramp;
    record->go.cif = go.cif;
    record->go.handler = go.fun;
    return 0;
}

int tfd_entry_libffi_set(union tfd_record *record)
{
    return set(record, handler);
}

int tfd_entry_libffi_set_for(union tfd_record *record, tfd_dispatch *dispatch)
{
    return set(record, dispatch == tfd_plan_call ? handler : handler_with_record);
}

int tfd_entry_libffi_has_handler(const union tfd_record *record)
{
    return record->go.handler == handler || record->go.handler == handler_with_record;
}
