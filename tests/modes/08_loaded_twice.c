/* SPDX-License-Identifier: MIT */
/*
 * The library is loaded twice, or unloaded
 *
 * while closures live: a second copy by another path, one in a namespace of its own (dlmopen), one
 * that is closed by dlclose.
 *
 * Ways: two paths; dlmopen; dlclose
 * Right: works
 */
#include "mode.h"

#include <dlfcn.h>

typedef void *alloc_function(size_t, void **);
typedef ffi_status prepare_function(ffi_closure *, ffi_cif *,
                                    void (*)(ffi_cif *, void *, void **, void *), void *, void *);

/* Closures of the other copy, made and freed by it. */
static void use(void *copy, int argc, char **argv)
{
    alloc_function *alloc = (alloc_function *)dlsym(copy, "ffi_closure_alloc");
    prepare_function *prepare = (prepare_function *)dlsym(copy, "ffi_prep_closure_loc");
    void (*release_it)(void *) = (void (*)(void *))dlsym(copy, "ffi_closure_free");
    struct closure many[5000];

    NEED(alloc && prepare && release_it, "functions of the second copy");
    for (int i = 0; i < 5000; i++) {
        many[i].number = i;
        many[i].writable = alloc(sizeof(ffi_closure), (void **)&many[i].code);
        if (!many[i].writable)
            reported("the second copy returned NULL");
        EXPECT(
            prepare(many[i].writable, adder_cif(), add, (void *)(intptr_t)i, (void *)many[i].code)
                == FFI_OK,
            "the second copy does not prepare closures");
    }
    check_many(many, 5000);
    if (way("dlclose"))
        dlclose(copy);
    grow();
    check_many(many, 5000);
    if (!way("dlclose"))
        for (int i = 0; i < 5000; i++)
            release_it(many[i].writable);
}

int main(int argc, char **argv)
{
    char path[4200], command[8600];
    struct closure one = make(1);

    snprintf(path, sizeof(path), "%s/second.so", getenv("MODE_FOLDER"));
    restore_library();
    snprintf(command, sizeof(command), "cp '%s' '%s'", library(), path);
    NEED(!unsetenv("LD_PRELOAD") && !system(command), "a copy");
    void *copy = way("dlmopen") ? dlmopen(LM_ID_NEWLM, path, RTLD_NOW | RTLD_LOCAL)
                                : dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!copy)
        absent("%s", dlerror());
    use(copy, argc, argv);
    check(one);
    return 0;
}
