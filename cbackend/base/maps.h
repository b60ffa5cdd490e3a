/* SPDX-License-Identifier: MIT */
/* /proc/self/maps, for what the program headers do not tell. */
#ifndef TFD_MAPS_H
#define TFD_MAPS_H

#include <stdint.h>

struct tfd_mapping {
    uintptr_t start;
    int protection;  /* PROT_* */
    uint64_t offset; /* of the start, in the file */
    char *path;      /* owned by the caller; NULL when it is no file's.  A newline is \012. */
};

/* The mapping that an address lies in: 0, or a positive errno; ENOENT when there is none. */
int tfd_maps_find(uintptr_t address, struct tfd_mapping *mapping);

#endif
