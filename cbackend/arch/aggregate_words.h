/* SPDX-License-Identifier: MIT */
/* Members of aggregates that are passed in integer registers, for the ports' tfd_port_aggregate(). */
#ifndef TFD_AGGREGATE_WORDS_H
#define TFD_AGGREGATE_WORDS_H

#include "arch/port.h"

#define AGGREGATE_WORD ((size_t)8)

/* Integers that fill no more than a word, the largest first; returns how many. */
static inline unsigned tfd_add_integers(size_t length, ffi_type *members[])
{
    static ffi_type *const units[] = {&ffi_type_uint64, &ffi_type_uint32, &ffi_type_uint16,
                                      &ffi_type_uint8};
    unsigned count = 0;

    for (unsigned i = 0; i < 4; i++)
        if (length & units[i]->size)
            members[count++] = units[i];
    return count;
}

/*
 * The same for an aggregate of that size.  Of one with more than two words, which is passed in
 * memory, libffi looks at the first member all the same, to see that it is no float.
 */
static inline unsigned tfd_add_words(size_t size, ffi_type *members[])
{
    unsigned made = 0;

    if (size > 2 * AGGREGATE_WORD)
        return tfd_add_integers(AGGREGATE_WORD, members);
    for (size_t start = 0; start < size; start += AGGREGATE_WORD)
        made += tfd_add_integers(size - start < AGGREGATE_WORD ? size - start : AGGREGATE_WORD,
                                 members + made);
    return made;
}

#endif
