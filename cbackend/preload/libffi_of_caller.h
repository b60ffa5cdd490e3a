/* SPDX-License-Identifier: MIT */
/* What the core asks of libffi, asked of the libffi of a caller. */
#ifndef TFD_LIBFFI_OF_CALLER_H
#define TFD_LIBFFI_OF_CALLER_H

/*
 * From now on this thread's calls into the core are for the code at `caller`: the ffi_cif it
 * gives belongs to its libffi.
 */
void tfd_core_serve(const void *caller);

/*
 * Register the entries of the caller's libffi with the core, which could not when it was loaded:
 * to be called before the first closure is made.  Later calls do nothing.
 */
void tfd_core_allow(const void *caller);

#endif
