/* SPDX-License-Identifier: MIT */
/*
 * A word of 8 bytes is one of floats only if everything in it is (System V ABI for x86-64,
 * "Classification"); more than two words are passed in memory whatever they hold.
 */
#include "arch/aggregate_words.h"

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
        if (scalars[i].offset - start < AGGREGATE_WORD && !is_float(scalars[i].type))
            return 0;
    return 1;
}

unsigned tfd_port_aggregate(size_t size, const struct tfd_scalar *scalars, size_t count,
                            ffi_type *members[TFD_MEMBERS_MAX])
{
    unsigned made = 0;

    if (size > 2 * AGGREGATE_WORD)
        return 0;
    for (size_t i = 0; i < count; i++)
        if (is_x87(scalars[i].type)) {
            members[0] = &ffi_type_longdouble;
            return 1;
        }
    for (size_t start = 0; start < size; start += AGGREGATE_WORD) {
        size_t length = size - start < AGGREGATE_WORD ? size - start : AGGREGATE_WORD;

        if (has_floats_only(scalars, count, start))
            members[made++] = length == AGGREGATE_WORD ? &ffi_type_double : &ffi_type_float;
        else
            made += tfd_add_integers(length, members + made);
    }
    return made;
}
