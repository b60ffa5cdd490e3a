/* SPDX-License-Identifier: MIT */
/* From a C call to Python: what every closure of the extension runs. */
#ifndef NATIVE_DISPATCH_H
#define NATIVE_DISPATCH_H

#include "native.h"

#include <closure/closure.h>

/* The `python` entry: from the frame of a plan straight to Python objects. */
tfd_dispatch dispatch_frame;

/* The same from a vector of addresses: signatures without a plan, and gathered arguments. */
void dispatch_libffi(ffi_cif *cif, void *result, void **arguments, void *user_data);

#endif
