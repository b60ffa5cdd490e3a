/* SPDX-License-Identifier: MIT */
/*
 * For CPUs that pass an aggregate of one to TFD_PORT_HOMOGENEOUS_MAX floats of one kind and of
 * nothing else in so many vector registers ("homogeneous aggregates"), whatever its members overlap.
 * Others are passed in words, or in memory.
 */
#include "arch/aggregate_words.h"

static const ffi_type *unit_of(const ffi_type *type)
{
    return type->type == FFI_TYPE_COMPLEX ? type->elements[0] : type;
}

static int is_float(const ffi_type *type)
{
    return type->type == FFI_TYPE_FLOAT || type->type == FFI_TYPE_DOUBLE
           || type->type == FFI_TYPE_LONGDOUBLE;
}

/* The number of floats; 0 if the aggregate is not homogeneous. */
static unsigned add_floats(size_t size, const struct tfd_scalar *scalars, size_t count,
                           ffi_type *members[])
{
    static ffi_type *const units[] = {&ffi_type_float, &ffi_type_double, &ffi_type_longdouble};
    unsigned short kind = unit_of(scalars[0].type)->type;
    unsigned made = 0;

    for (size_t i = 0; i < count; i++)
        if (!is_float(unit_of(scalars[i].type)) || unit_of(scalars[i].type)->type != kind)
            return 0;
    for (unsigned i = 0; i < sizeof(units) / sizeof(*units); i++)
        if (units[i]->type == kind && size <= TFD_PORT_HOMOGENEOUS_MAX * units[i]->size)
            while (made < size / units[i]->size)
                members[made++] = units[i];
    return made;
}

unsigned tfd_port_aggregate(size_t size, const struct tfd_scalar *scalars, size_t count,
                            ffi_type *members[TFD_MEMBERS_MAX])
{
    unsigned made = count ? add_floats(size, scalars, count, members) : 0;

    return made ? made : tfd_add_words(size, members);
}
