/* SPDX-License-Identifier: MIT */
/*
 * Load a plugin in a namespace of its own ("dlmopen"), with RTLD_DEEPBIND ("deepbind") or as usual
 * ("dlopen"), and use its closures beside our own.
 */
#include "adder.h"

#include <dlfcn.h>

typedef void *make_function(int, adder **);
typedef void free_function(void *);

static void *load(const char *way, const char *path)
{
#ifdef LM_ID_NEWLM
    if (!strcmp(way, "dlmopen"))
        return dlmopen(LM_ID_NEWLM, path, RTLD_NOW);
    if (!strcmp(way, "deepbind"))
        return dlopen(path, RTLD_NOW | RTLD_DEEPBIND);
#endif
    (void)way;
    return dlopen(path, RTLD_NOW);
}

int main(int argc, char **argv)
{
    void *plugin = argc == 3 ? load(argv[1], argv[2]) : NULL;
    adder *its[2], *ours;
    void *closures[2], *own;
    make_function *make;
    free_function *release;

    if (!plugin)
        fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin);
    make = (make_function *)dlsym(plugin, "plugin_make");
    release = (free_function *)dlsym(plugin, "plugin_free");
    CHECK(make && release);

    own = adder_make(sizeof(ffi_closure), 1, &ours);
    for (int i = 0; i < 2; i++)
        closures[i] = make(10 + i, &its[i]);
    CHECK(ours(1) == 2 && its[0](1) == 11 && its[1](1) == 12);
    release(closures[0]);
    ffi_closure_free(own);
    CHECK(its[1](1) == 12);
    /* What is of the same libffi may be freed by either. */
    if (strcmp(argv[1], "dlmopen"))
        ffi_closure_free(closures[1]);
    else
        release(closures[1]);
    printf("%s\n", has_wx() ? "wx" : "clean");
    return 0;
}
