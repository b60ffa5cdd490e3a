/* SPDX-License-Identifier: MIT */
/*
 * A function that ends in `ffi_closure_free(closure);` is compiled to a jump, so that the call
 * returns to that function's caller, maybe in another object file.  Object files that call
 * libffi's closure functions import their names, or have a libffi of their own: one that returns
 * are made to and that does neither was not the one.
 */
#define _GNU_SOURCE
#include "ffi_caller.h"

#include "ffi_stock.h"

#include <dlfcn.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

struct symbols {
    const ElfW(Sym) *table;
    const char *names;
    const uint32_t *gnu_hash;
    const uint32_t *hash;
};

struct search {
    uintptr_t caller;
    int caller_imports;
    unsigned importers;
    const char *importer;
};

/* glibc stores addresses where the file has offsets; the vDSO is left as it is in the file. */
static const void *address(const struct dl_phdr_info *info, ElfW(Addr) value)
{
    return (const void *)(value < info->dlpi_addr ? info->dlpi_addr + value : value);
}

static struct symbols symbols_of(const struct dl_phdr_info *info)
{
    struct symbols symbols = {0};
    const ElfW(Dyn) *dynamic = NULL;

    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++)
        switch (dynamic->d_tag) {
        case DT_SYMTAB:
            symbols.table = address(info, dynamic->d_un.d_ptr);
            break;
        case DT_STRTAB:
            symbols.names = address(info, dynamic->d_un.d_ptr);
            break;
        case DT_GNU_HASH:
            symbols.gnu_hash = address(info, dynamic->d_un.d_ptr);
            break;
        case DT_HASH:
            symbols.hash = address(info, dynamic->d_un.d_ptr);
            break;
        }
    return symbols;
}

/* Symbols that may be imports: those in front of the ones that a GNU hash table knows. */
static uint32_t count(const struct symbols *symbols)
{
    return symbols->gnu_hash ? symbols->gnu_hash[1] : symbols->hash ? symbols->hash[1] : 0;
}

static int imports(const struct dl_phdr_info *info)
{
    struct symbols symbols = symbols_of(info);

    if (!symbols.table || !symbols.names)
        return 0;
    for (uint32_t i = 1; i < count(&symbols); i++) {
        const char *name = symbols.names + symbols.table[i].st_name;

        if (symbols.table[i].st_shndx == SHN_UNDEF
            && (!strncmp(name, "ffi_closure_", strlen("ffi_closure_"))
                || !strncmp(name, "ffi_prep_closure", strlen("ffi_prep_closure"))))
            return 1;
    }
    return 0;
}

static int has(const struct dl_phdr_info *info, uintptr_t code)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD
            && code - (info->dlpi_addr + segment->p_vaddr) < segment->p_memsz)
            return 1;
    }
    return 0;
}

static int look_at(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    int is_caller = has(info, search->caller);

    (void)size;
    if (!imports(info))
        return 0;
    search->caller_imports |= is_caller;
    search->importer = info->dlpi_name;
    search->importers++;
    return is_caller;
}

/* libffi itself only calls on behalf of others: by ffi_call(), or for its raw closures. */
static int has_own_libffi(const void *caller, const char *object)
{
    struct tfd_stock stock;

    return !strstr(object, "/libffi.so") && !tfd_stock_of(caller, &stock)
           && stock.object == tfd_object_of(caller);
}

void tfd_caller_name(const void *caller, char *name, size_t size)
{
    struct search search = {.caller = (uintptr_t)caller};
    const char *object = "code in no file";
    Dl_info info;

    if (dladdr(caller, &info) && info.dli_fname && *info.dli_fname)
        object = info.dli_fname;
    dl_iterate_phdr(look_at, &search);
    if (search.caller_imports || has_own_libffi(caller, object))
        snprintf(name, size, "%s", object);
    else if (search.importers == 1 && *search.importer)
        snprintf(name, size, "%s (called by %s)", search.importer, object);
    else
        snprintf(name, size, "%s, or what it calls,", object);
}
