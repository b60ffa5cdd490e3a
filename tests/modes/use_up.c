/* SPDX-License-Identifier: MIT */
/*
 * Preloaded with trampfd, so that the closures of the program come from where MODE_SOURCE says:
 * this takes the slots that are built into the library and, for memfd, the name of the library's
 * file. What cannot be arranged ends the program, which would show something else than its row
 * says.
 */
#include "maps.h"

static void expect_source(const char *source)
{
    struct mapping found = mapping_of((void *)make(0).code);
    int memfd = !strncmp(found.path, "/memfd:trampfd-slots", 20);

    if (memfd != !strcmp(source, "memfd"))
        absent("closures come from %s, not from %s", found.path, source);
}

__attribute__((constructor)) static void use_up(void)
{
    const char *source = getenv("MODE_SOURCE");
    uintptr_t built_in = mapping_of((void *)make(0).code).start;
    char kept[4200];

    snprintf(kept, sizeof(kept), "%s.kept", library());
    (void)!link(library(), kept);
    if (!strcmp(source, "memfd"))
        unlink(library());
    while (mapping_of((void *)make(0).code).start == built_in)
        for (int i = 0; i < 100; i++)
            make(0);
    expect_source(source);
}
