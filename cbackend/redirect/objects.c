/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "objects.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct name {
    struct name *next;
    uintptr_t base;
    char text[];
};

struct names {
    struct name *first, **end;
    size_t count;
    int error;
};

/* Called while a lock of the loader is held: only copies the names. */
static int take_name(struct dl_phdr_info *info, size_t size, void *data)
{
    struct names *names = data;
    size_t length = strlen(info->dlpi_name) + 1;
    struct name *name = malloc(sizeof(*name) + length);

    (void)size;
    if (!name) {
        names->error = -ENOMEM;
        return 1;
    }
    name->next = NULL;
    name->base = info->dlpi_addr;
    memcpy(name->text, info->dlpi_name, length);
    *names->end = name;
    names->end = &name->next;
    names->count++;
    return 0;
}

static void free_names(struct names *names)
{
    while (names->first) {
        struct name *name = names->first;

        names->first = name->next;
        free(name);
    }
}

static int hold_by_path(const char *path, uintptr_t base, struct tfd_object *object)
{
    object->handle = dlopen(path, RTLD_LAZY | RTLD_NOLOAD);
    if (!object->handle)
        return 0;
    if (!dlinfo(object->handle, RTLD_DI_LINKMAP, &object->map) && object->map->l_addr == base)
        return 1;
    dlclose(object->handle);
    return 0;
}

/*
 * The program has no path for dlopen(3), though some C libraries give it a name.  Objects that were
 * unloaded since, or that the loader knows only by another name, are left out.
 */
static int hold(const struct name *name, struct tfd_object *object)
{
    return (*name->text && hold_by_path(name->text, name->base, object))
           || hold_by_path(NULL, name->base, object);
}

int tfd_objects_hold(struct tfd_objects *objects)
{
    struct names names = {.end = &names.first};

    *objects = (struct tfd_objects){.count = 0};
    dl_iterate_phdr(take_name, &names);
    objects->list = calloc(names.count + 1, sizeof(*objects->list));
    if (!objects->list)
        names.error = -ENOMEM;
    if (!names.error)
        for (const struct name *name = names.first; name; name = name->next)
            objects->count += (size_t)hold(name, &objects->list[objects->count]);
    if (names.error)
        free(objects->list);
    free_names(&names);
    return names.error;
}

void tfd_objects_release(struct tfd_objects *objects)
{
    for (size_t i = 0; i < objects->count; i++)
        dlclose(objects->list[i].handle);
    free(objects->list);
}

const struct tfd_object *tfd_objects_find(const struct tfd_objects *objects, const char *name,
                                          uintptr_t base)
{
    for (size_t i = 0; i < objects->count; i++) {
        const struct link_map *map = objects->list[i].map;

        if (map->l_addr == base && !strcmp(map->l_name, name))
            return &objects->list[i];
    }
    return NULL;
}
