/* SPDX-License-Identifier: MIT */
/*
 * A word of 8 bytes is one of floats only if everything in it is (System V ABI for x86-64,
 * "Classification"); more than two words are passed in memory whatever they hold.
 */
#include "arch/port.h"

#define WORD ((size_t)8)

static int is_x87(const ffi_type *type)
{
    return type->type == FFI_TYPE_LONGDOUBLE
           || (type->type == FFI_TYPE_COMPLEX && type->elements[0]->type == FFI_TYPE_LONGDOUBLE);
}

static int is_float(const ffi_type *type)
{
    return type->type == FFI_TYPE_FLOAT || type->type == FFI_TYPE_DOUBLE
           || (type->type == FFI_TYPE_COMPLEX
               && (type->elements[0]->type == FFI_TYPE_FLOAT
                   || type->elements[0]->type == FFI_TYPE_DOUBLE));
}

static int has_floats_only(const struct tfd_scalar *scalars, size_t count, size_t start)
{
    for (size_t i = 0; i < count; i++)
        if (scalars[i].offset - start < WORD && !is_float(scalars[i].type))
            return 0;
    return 1;
}

static unsigned add_integers(size_t length, ffi_type *members[])
{
    static ffi_type *const units[] = {&ffi_type_uint64, &ffi_type_uint32, &ffi_type_uint16,
                                      &ffi_type_uint8};
    unsigned count = 0;

    for (unsigned i = 0; i < 4; i++)
        if (length & units[i]->size)
            members[count++] = units[i];
    return count;
}

unsigned tfd_port_aggregate(size_t size, const struct tfd_scalar *scalars, size_t count,
                            ffi_type *members[TFD_MEMBERS_MAX])
{
    unsigned made = 0;

    if (size > 2 * WORD)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (is_x87(scalars[i].type)) {
            members[0] = &ffi_type_longdouble;
            return 1;
        }
    for (size_t start = 0; start < size; start += WORD) {
        size_t length = size - start < WORD ? size - start : WORD;

        if (has_floats_only(scalars, count, start))
            members[made++] = length == WORD ? &ffi_type_double : &ffi_type_float;
        else
            made += add_integers(length, members + made);
    }
    return made;
}
