/* SPDX-License-Identifier: MIT */
/*
 * The loaded objects, held so that none is unloaded meanwhile.
 *
 * Holding them calls the dynamic loader, which may wait for another thread's dlopen(3) and so for
 * constructors: no lock may be held.  Objects that were being loaded are relocated afterwards.
 */
#ifndef TFD_GOT_OBJECTS_H
#define TFD_GOT_OBJECTS_H

#include <link.h>
#include <stddef.h>

struct tfd_object {
    void *handle;         /* of dlopen(3) */
    struct link_map *map; /* valid while held */
};

struct tfd_objects {
    size_t count;
    struct tfd_object *list;
};

/* Hold all objects of the namespace that can be held.  Returns 0 or -ENOMEM. */
int tfd_objects_hold(struct tfd_objects *objects);

void tfd_objects_release(struct tfd_objects *objects);

/* The object with that name and base, or NULL. */
const struct tfd_object *tfd_objects_find(const struct tfd_objects *objects, const char *name,
                                          uintptr_t base);

#endif
