/* SPDX-License-Identifier: MIT */
/* The core's calls of libffi, passed to the libffi of a caller. */
#ifndef TFD_LIBFFI_OF_CALLER_H
#define TFD_LIBFFI_OF_CALLER_H

/*
 * From now on this thread calls the core on behalf of the code at `caller`, whose ffi_cif belongs
 * to the caller's libffi.
 */
void tfd_core_serve(const void *caller);

/*
 * Register the entries of the caller's libffi with the core, which could not do so when it was
 * loaded.  Must be called before the first closure is made; later calls do nothing.
 */
void tfd_core_allow(const void *caller);

#endif
