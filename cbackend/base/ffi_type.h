/* SPDX-License-Identifier: MIT */
/* Questions about libffi's types. */
#ifndef TFD_FFI_TYPE_H
#define TFD_FFI_TYPE_H

#include <ffi.h>

/* Is it an integer of any size, or a pointer? */
static inline int tfd_is_integer_or_pointer(const ffi_type *type)
{
    switch (type->type) {
    case FFI_TYPE_INT:
    case FFI_TYPE_UINT8:
    case FFI_TYPE_SINT8:
    case FFI_TYPE_UINT16:
    case FFI_TYPE_SINT16:
    case FFI_TYPE_UINT32:
    case FFI_TYPE_SINT32:
    case FFI_TYPE_UINT64:
    case FFI_TYPE_SINT64:
    case FFI_TYPE_POINTER: return 1;
    default: return 0;
    }
}

#endif
