/* SPDX-License-Identifier: MIT */
/* /proc/self/maps, for what is not in the program headers. */
#ifndef TFD_MAPS_H
#define TFD_MAPS_H

#include <stdint.h>

struct tfd_mapping {
    uintptr_t start;
    int protection;  /* PROT_* */
    uint64_t offset; /* of the start, in the file */
    char *path;      /* owned by the caller; NULL if no file is mapped.  A newline is \012. */
};

/*
 * Find the mapping that contains an address.  Returns 0 or a positive errno, ENOENT if there is
 * none.
 */
int tfd_maps_find(uintptr_t address, struct tfd_mapping *mapping);

#endif
