/* SPDX-License-Identifier: MIT */
#ifndef TFD_FFI_CALLER_H
#define TFD_FFI_CALLER_H

#include <stddef.h>

/* Write the name of the object file that called this library; the call returns to `caller`. */
void tfd_caller_name(const void *caller, char *name, size_t size);

#endif
