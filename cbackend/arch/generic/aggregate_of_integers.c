/* SPDX-License-Identifier: MIT */
/*
 * For CPUs that pass aggregates with overlapping members in integer registers or in memory, whatever
 * the members are.
 */
#include "arch/aggregate_words.h"

unsigned tfd_port_aggregate(size_t size, const struct tfd_scalar *scalars, size_t count,
                            ffi_type *members[TFD_MEMBERS_MAX])
{
    (void)scalars;
    (void)count;
    return tfd_add_words(size, members);
}
