/* SPDX-License-Identifier: MIT */
/*
 * A function that ends in `ffi_closure_free(closure);` is compiled to a jump, so that the call
 * returns to that function's caller, which may be in another object file.  Object files that call
 * libffi's closure functions import their names, or contain a libffi: if the object that a call
 * returns to does neither, another object made the call.
 */
#define _GNU_SOURCE
#include "caller.h"

#include "base/elf.h"
#include "real_ffi.h"

#include <stdio.h>
#include <string.h>

struct search {
    const void *caller;
    int caller_imports;
    unsigned importers;
    char importer[TFD_OBJECT_NAME];
};

static int imports(const struct dl_phdr_info *info)
{
    struct tfd_elf elf;

    tfd_elf_read_info(info, &elf);
    return tfd_elf_imports(&elf, "ffi_closure_") || tfd_elf_imports(&elf, "ffi_prep_closure");
}

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    int is_caller = tfd_elf_holds(info, search->caller);

    (void)size;
    if (!imports(info))
        return 0;
    search->caller_imports |= is_caller;
    snprintf(search->importer, sizeof(search->importer), "%s", info->dlpi_name);
    search->importers++;
    return is_caller;
}

/* libffi.so itself calls only on behalf of others: in ffi_call(), or for its raw closures. */
static int has_own_libffi(const void *caller, const char *object)
{
    struct tfd_real_ffi real;

    return !strstr(object, "/libffi.so") && !tfd_real_ffi_of(caller, &real)
           && real.object == tfd_object_of(caller);
}

void tfd_caller_name(const void *caller, char *name, size_t size)
{
    struct search search = {.caller = caller};
    char object[TFD_OBJECT_NAME] = "code in no file";

    tfd_object_name(caller, object, sizeof(object));
    dl_iterate_phdr(look_at, &search);
    if (search.caller_imports || has_own_libffi(caller, object))
        snprintf(name, size, "%s", object);
    else if (search.importers == 1 && *search.importer)
        snprintf(name, size, "%s (called by %s)", search.importer, object);
    else
        snprintf(name, size, "%s, or what it calls,", object);
}
