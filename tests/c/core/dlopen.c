/* SPDX-License-Identifier: MIT */
/*
 * The core as a shared library, loaded as the first argument says: "copies" (the same file by two
 * paths), "namespaces" (dlmopen), or "closed" (dlclose with live closures).  Paths follow.
 */
#include "check.h"

#include <dlfcn.h>

struct library {
    void *handle;
    void *(*alloc)(size_t, void **, struct trampfd_trail *);
    int (*prep)(ffi_closure *, ffi_cif *, trampfd_handler, void *);
    void (*free)(void *);
    int (*find)(const void *, struct trampfd_slot *);
};

static struct library bind(void *handle)
{
    struct library library = {.handle = handle};

    CHECK(handle, "%s", dlerror());
    *(void **)&library.alloc = dlsym(handle, "trampfd_closure_alloc");
    *(void **)&library.prep = dlsym(handle, "trampfd_closure_prep");
    *(void **)&library.free = dlsym(handle, "trampfd_closure_free");
    *(void **)&library.find = dlsym(handle, "trampfd_slot_find");
    CHECK(library.alloc && library.prep && library.free && library.find, "%s", dlerror());
    return library;
}

enum { COUNT = 2 * TRAMPFD_BLOCK_SLOTS + 1 };

struct batch {
    void *closures[COUNT];
    adder *codes[COUNT];
};

static void fill(const struct library *library, struct batch *batch, int number)
{
    for (int i = 0; i < COUNT; i++) {
        struct trampfd_trail trail = {.count = 0};

        batch->closures[i] = library->alloc(56, (void **)&batch->codes[i], &trail);
        CHECK(batch->closures[i], "closure %d: %s", i, strerror(errno));
        CHECK(!library->prep(batch->closures[i], adder_cif(), add, (void *)(intptr_t)(number + i)),
              "closure %d", i);
    }
}

static void call(const struct batch *batch, int number)
{
    for (int i = 0; i < COUNT; i++)
        CHECK(batch->codes[i](1) == number + i + 1, "closure %d", i);
}

static void empty(const struct library *library, const struct batch *batch)
{
    for (int i = 0; i < COUNT; i++)
        library->free(batch->closures[i]);
}

static void check_sources(const struct library *library, const struct batch *batch)
{
    struct trampfd_slot slot;

    CHECK(!library->find((void *)batch->codes[0], &slot) && !strcmp(slot.source, "built in"),
          "the first closure");
    CHECK(!library->find((void *)batch->codes[COUNT - 1], &slot)
              && !strcmp(slot.source, "own file"),
          "the last closure is from %s", slot.source);
}

static void check_two(struct library one, struct library other)
{
    static struct batch first, second;
    struct trampfd_slot slot;

    CHECK(one.alloc != other.alloc, "the library was loaded once");
    fill(&one, &first, 1000);
    fill(&other, &second, 500000);
    check_sources(&one, &first);
    check_sources(&other, &second);
    CHECK(one.find((void *)second.codes[0], &slot) == -ENOENT
              && one.find((void *)second.codes[COUNT - 1], &slot) == -ENOENT
              && other.find((void *)first.codes[COUNT - 1], &slot) == -ENOENT,
          "one copy knows the other's closures");
    call(&first, 1000);
    empty(&one, &first);
    call(&second, 500000);
    fill(&one, &first, 2000);
    empty(&other, &second);
    call(&first, 2000);
    empty(&one, &first);
    check_w_xor_x();
}

static void check_closed(struct library library)
{
    static struct batch batch;

    fill(&library, &batch, 0);
    CHECK(!dlclose(library.handle), "%s", dlerror());
    call(&batch, 0);
    empty(&library, &batch);
    fill(&library, &batch, 7);
    call(&batch, 7);
    empty(&library, &batch);
}

int main(int argc, char **argv)
{
    CHECK(argc == 4, "dlopen way path path");
    if (!strcmp(argv[1], "copies"))
        check_two(bind(dlopen(argv[2], RTLD_NOW)), bind(dlopen(argv[3], RTLD_NOW)));
    else if (!strcmp(argv[1], "namespaces"))
        check_two(bind(dlopen(argv[2], RTLD_NOW)), bind(dlmopen(LM_ID_NEWLM, argv[2], RTLD_NOW)));
    else
        check_closed(bind(dlopen(argv[2], RTLD_NOW)));
    return 0;
}
