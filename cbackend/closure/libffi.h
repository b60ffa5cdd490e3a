/* SPDX-License-Identifier: MIT */
/*
 * What the core asks of libffi: in libffi_linked.c of the one that the library is linked with, in
 * preload/libffi_of_caller.c of that of whoever is served.
 */
#ifndef TFD_LIBFFI_H
#define TFD_LIBFFI_H

#include <ffi.h>

typedef void tfd_libffi_handler(ffi_cif *, void *, void **, void *);

/* ffi_prep_cif() and ffi_prep_go_closure(). */
ffi_status tfd_libffi_prep_cif(ffi_cif *cif, ffi_abi abi, unsigned count, ffi_type *result,
                               ffi_type **arguments);
ffi_status tfd_libffi_prep_go(ffi_go_closure *closure, ffi_cif *cif, tfd_libffi_handler *handler);

#endif
