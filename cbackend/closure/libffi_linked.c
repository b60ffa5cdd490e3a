/* SPDX-License-Identifier: MIT */
#include "libffi.h"

ffi_status tfd_libffi_prep_cif(ffi_cif *cif, ffi_abi abi, unsigned count, ffi_type *result,
                               ffi_type **arguments)
{
    return ffi_prep_cif(cif, abi, count, result, arguments);
}

ffi_status tfd_libffi_prep_go(ffi_go_closure *closure, ffi_cif *cif, tfd_libffi_handler *handler)
{
    return ffi_prep_go_closure(closure, cif, handler);
}
