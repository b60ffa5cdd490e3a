/* SPDX-License-Identifier: MIT */
/*
 * For CPUs that pass aggregates with overlapping members in integer registers or in memory, whatever
 * the members are.  libffi looks at members of no more than two words, to see that they are no floats.
 */
#include "arch/port.h"

static unsigned add_word(size_t length, ffi_type *members[])
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
    const size_t word = sizeof(uint64_t);
    unsigned made = 0;

    (void)scalars;
    (void)count;
    if (size > 2 * word)
        return add_word(word, members);
    for (size_t start = 0; start < size; start += word)
        made += add_word(size - start < word ? size - start : word, members + made);
    return made;
}
