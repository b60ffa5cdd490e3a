/* SPDX-License-Identifier: MIT */
/*
 * The functions of libffi that the core calls: in libffi_linked.c those of the libffi that the
 * library is linked with, in preload/libffi_of_caller.c those of the caller's libffi.
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
