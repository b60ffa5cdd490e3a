/* SPDX-License-Identifier: MIT */
/* What the language bindings need beyond the public interface. */
#ifndef TFD_CLOSURE_H
#define TFD_CLOSURE_H

#include "plan.h"
#include "trampfd.h"

/*
 * trampfd_closure_prep() with a dispatch of the caller's for signatures that have a plan;
 * `fun` serves the others.
 */
int tfd_closure_prep(ffi_closure *closure, ffi_cif *cif, trampfd_handler fun, void *user_data,
                     tfd_dispatch *dispatch);

#endif
