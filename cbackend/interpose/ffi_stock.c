/* SPDX-License-Identifier: MIT */
/*
 * The dynamic loader looks a name up in the program and what it was linked with, and then in the
 * caller and what that was linked with.  This library stands in front of all of them; what comes
 * after it is looked up in the same order.  It is not linked with libffi itself: that would bring
 * a libffi in front of the copies that some objects have of their own.
 *
 * No lock is held while the loader is asked, which has one of its own and may be running a
 * constructor that makes a closure.
 */
#define _GNU_SOURCE
#include "ffi_stock.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>

/* The libffi whose closure functions have this version is the one that is stood in for. */
#define SONAME "libffi.so.8"
#define VERSION "LIBFFI_CLOSURE_8.0"

/* Every libffi with closures has it. */
#define LANDMARK "ffi_prep_closure_loc"

/*
 * What was found for callers in an object.  Another object loaded later at the same address gets
 * the same answer; answers stay usable because the libffi in them is never unloaded.
 */
#define KNOWN_MAX 64

static struct {
    const void *_Atomic caller; /* stored last */
    struct tfd_stock stock;
} known[KNOWN_MAX];
static atomic_uint claimed;

const void *tfd_object_of(const void *address)
{
    Dl_info info;

    return dladdr(address, &info) ? info.dli_fbase : NULL;
}

static int is_here(const void *address)
{
    static const char here;

    return tfd_object_of(address) == tfd_object_of(&here);
}

static void *look_up(void *handle)
{
    void *found = dlvsym(handle, LANDMARK, VERSION);

    if (!found)
        found = dlsym(handle, LANDMARK);
    return found && is_here(found) ? NULL : found;
}

static void *look_up_in(const char *name)
{
    void *handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);
    void *found = handle ? look_up(handle) : NULL;

    if (handle)
        dlclose(handle);
    return found;
}

/* A caller that ends in a jump to us leaves us with its own caller, which may be a stranger to
   libffi: then it is the libffi that this library stands in for. */
static void *landmark_of(const void *caller)
{
    struct link_map *object;
    void *found = look_up(RTLD_NEXT);
    Dl_info info;

    if (!found && dladdr1(caller, &info, (void **)&object, RTLD_DL_LINKMAP))
        found = look_up_in(*object->l_name ? object->l_name : NULL);
    return found ? found : look_up_in(SONAME);
}

static void *of_object(void *handle, const char *name, const void *object)
{
    void *found = dlsym(handle, name);

    return found && tfd_object_of(found) == object ? found : NULL;
}

/* The handle is kept, so that the object is never unloaded.  The program itself has no name. */
static void *hold(const char *name)
{
    void *handle = dlopen(name, RTLD_LAZY | RTLD_NOLOAD);

    return handle ? handle : dlopen(NULL, RTLD_LAZY | RTLD_NOLOAD);
}

int tfd_stock_at(const void *address, struct tfd_stock *stock)
{
    Dl_info info;
    void *handle;

    if (!dladdr(address, &info))
        return -ENOENT;
    handle = hold(info.dli_fname);
    if (!handle)
        return -ENOENT;
    *stock = (struct tfd_stock){
        .object = info.dli_fbase,
        .alloc = of_object(handle, "ffi_closure_alloc", info.dli_fbase),
        .free = of_object(handle, "ffi_closure_free", info.dli_fbase),
        .prep = of_object(handle, LANDMARK, info.dli_fbase),
        .prep_cif = of_object(handle, "ffi_prep_cif", info.dli_fbase),
        .prep_go = of_object(handle, "ffi_prep_go_closure", info.dli_fbase),
    };
    return 0;
}

static int recall(const void *object, struct tfd_stock *stock)
{
    for (unsigned i = 0; i < KNOWN_MAX; i++)
        if (object && atomic_load_explicit(&known[i].caller, memory_order_acquire) == object) {
            *stock = known[i].stock;
            return 0;
        }
    return -ENOENT;
}

static void remember(const void *object, const struct tfd_stock *stock)
{
    unsigned i = atomic_load(&claimed) < KNOWN_MAX ? atomic_fetch_add(&claimed, 1) : KNOWN_MAX;

    if (i >= KNOWN_MAX)
        return;
    known[i].stock = *stock;
    atomic_store_explicit(&known[i].caller, object, memory_order_release);
}

int tfd_stock_of(const void *caller, struct tfd_stock *stock)
{
    const void *object = tfd_object_of(caller);
    void *landmark;

    if (!recall(object, stock))
        return 0;
    landmark = landmark_of(caller);
    if (!landmark || tfd_stock_at(landmark, stock))
        return -ENOENT;
    if (object)
        remember(object, stock);
    return 0;
}
