/* SPDX-License-Identifier: MIT */
#include "origin.h"

#include "base/debug.h"
#include "base/lock.h"
#include "caller.h"
#include "closure/closure.h"

#include <errno.h>
#include <stdio.h>

#define OBJECT_SIZE 120 /* so that both object files fit into one name */

static void note(const void *closure, const void *caller)
{
    struct tfd_slot slot = tfd_closure_slot(closure);
    char object[OBJECT_SIZE], name[TFD_NAME_SIZE_DEBUG];
    int error;

    if (!slot.block || tfd_lock_checked())
        return;
    error = tfd_names_get_locked(slot.block);
    tfd_unlock();
    if (error)
        return;
    tfd_caller_name(caller, object, sizeof(object));
    snprintf(name, sizeof(name), "made by %s", object);
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
    char object[OBJECT_SIZE];
    const char *made;

    if (!slot.block)
        return NULL;
    made = tfd_name_read(slot);
    tfd_caller_name(caller, object, sizeof(object));
    snprintf(name, TFD_NAME_SIZE_DEBUG, "%s%sfreed by %s", made, *made ? ", " : "", object);
    return name;
}
