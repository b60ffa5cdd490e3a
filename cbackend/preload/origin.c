/* SPDX-License-Identifier: MIT */
/*
 * The kernel is asked for the file at an address, once for each: to ask the loader takes its lock,
 * which in the child of a fork another thread may hold for ever.
 */
#include "origin.h"

#include "base/setting.h"
#include "base/lock.h"
#include "base/maps.h"
#include "closure/closure.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define OBJECT_SIZE 120 /* so that both object files fit into one name */
#define KNOWN_MOST 64

/* Guarded by the lock; the oldest is replaced. */
static struct object {
    const void *caller;
    char name[OBJECT_SIZE];
} known[KNOWN_MOST];
static unsigned next;

static int recall(struct object *object)
{
    int found = 0;

    for (unsigned i = 0; i < KNOWN_MOST && !found; i++)
        if (known[i].caller == object->caller) {
            *object = known[i];
            found = 1;
        }
    return found;
}

static void ask(struct object *object)
{
    struct tfd_mapping mapping = {.path = NULL};
    int error = tfd_maps_find((uintptr_t)object->caller, &mapping);

    snprintf(object->name, OBJECT_SIZE, "%s",
             error || !mapping.path ? "code in no file" : mapping.path);
    if (!error)
        free(mapping.path);
}

/* Returns 0, or a negative errno where the thread was interrupted inside the library. */
static int find(struct object *object)
{
    int is_known, error = tfd_lock_checked();

    if (error)
        return error;
    is_known = recall(object);
    tfd_unlock();
    if (is_known)
        return 0;
    ask(object);
    error = tfd_lock_checked();
    if (error)
        return error;
    known[next++ % KNOWN_MOST] = *object;
    tfd_unlock();
    return 0;
}

static void note(const void *closure, const void *caller)
{
    struct tfd_slot slot = tfd_closure_slot(closure);
    struct object object = {.caller = caller};
    char name[TFD_NAME_SIZE_DEBUG];
    int error;

    if (!slot.block || find(&object) || tfd_lock_checked())
        return;
    error = tfd_names_get_locked(slot.block);
    tfd_unlock();
    if (error)
        return;
    snprintf(name, sizeof(name), "made by %s", object.name);
    tfd_name_write(slot, name);
}

void tfd_origin_made(const void *closure, const void *caller)
{
    int error = errno;

    if (tfd_debug() && closure)
        note(closure, caller);
    errno = error;
}

const char *tfd_origin_freed(const void *closure, const void *caller,
                             char name[TFD_NAME_SIZE_DEBUG])
{
    struct tfd_slot slot = tfd_debug() ? tfd_closure_slot(closure) : tfd_slot_none(-ENOENT);
    struct object object = {.caller = caller};
    const char *made;

    if (!slot.block || find(&object))
        return NULL;
    made = tfd_name_read(slot);
    snprintf(name, TFD_NAME_SIZE_DEBUG, "%s%sfreed by %s", made, *made ? ", " : "", object.name);
    return name;
}
