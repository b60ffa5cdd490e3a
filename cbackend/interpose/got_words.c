/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "got_words.h"

#include "got_port.h"

#include <dlfcn.h>

#define VERSION_INDEX 0x7fff /* without the bit that says "hidden" */

/* What is needed of an object's dynamic section. */
struct dynamic {
    const ElfW(Sym) *symbols;
    const char *strings;
    const ElfW(Half) *versions;     /* of the symbols, or NULL */
    const ElfW(Verneed) *needed;    /* versions, by the object that has them; or NULL */
    const ElfW(Rela) *relocations[2];
    size_t count[2];
};

/* Some loaders replace the offsets in the dynamic section by addresses, some do not. */
static const void *address(const struct link_map *map, const ElfW(Dyn) *entry)
{
    uintptr_t value = entry->d_un.d_ptr;

    return (const void *)(value < map->l_addr ? map->l_addr + value : value);
}

static void read_dynamic(const struct link_map *map, struct dynamic *dynamic)
{
    *dynamic = (struct dynamic){.symbols = NULL};
    if (!map->l_ld) /* a static program */
        return;
    for (const ElfW(Dyn) *entry = map->l_ld; entry->d_tag != DT_NULL; entry++)
        switch (entry->d_tag) {
        case DT_SYMTAB: dynamic->symbols = address(map, entry); break;
        case DT_STRTAB: dynamic->strings = address(map, entry); break;
        case DT_VERSYM: dynamic->versions = address(map, entry); break;
        case DT_VERNEED: dynamic->needed = address(map, entry); break;
        case DT_RELA: dynamic->relocations[0] = address(map, entry); break;
        case DT_RELASZ: dynamic->count[0] = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
        case DT_JMPREL: dynamic->relocations[1] = address(map, entry); break;
        case DT_PLTRELSZ: dynamic->count[1] = entry->d_un.d_val / sizeof(ElfW(Rela)); break;
        }
}

/* The next structure of a chain of version information, or NULL. */
static const void *next(const void *structure, ElfW(Word) distance)
{
    return distance ? (const char *)structure + distance : NULL;
}

static const char *version_of(const struct dynamic *dynamic, size_t symbol)
{
    unsigned index = dynamic->versions ? dynamic->versions[symbol] & VERSION_INDEX : 0;

    for (const ElfW(Verneed) *needed = index > VER_NDX_GLOBAL ? dynamic->needed : NULL; needed;
         needed = next(needed, needed->vn_next))
        for (const ElfW(Vernaux) *version = next(needed, needed->vn_aux); version;
             version = next(version, version->vna_next))
            if ((version->vna_other & VERSION_INDEX) == index)
                return dynamic->strings + version->vna_name;
    return NULL;
}

static int stores_an_address(const ElfW(Rela) *relocation)
{
    switch (ELF64_R_TYPE(relocation->r_info)) {
    case TFD_PORT_JUMP_SLOT:
    case TFD_PORT_GLOB_DAT: return 1;
    case TFD_PORT_WORD: return relocation->r_addend == 0;
    default: return 0;
    }
}

static int visit(const struct link_map *map, const struct dynamic *dynamic,
                 const ElfW(Rela) *relocation, tfd_word_visitor *visitor, void *data)
{
    size_t symbol = ELF64_R_SYM(relocation->r_info);

    if (!stores_an_address(relocation) || dynamic->symbols[symbol].st_shndx != SHN_UNDEF)
        return 0;
    return visitor(
        &(struct tfd_word){
            .at = (uintptr_t *)(map->l_addr + relocation->r_offset),
            .symbol = dynamic->strings + dynamic->symbols[symbol].st_name,
            .version = version_of(dynamic, symbol),
            .may_be_lazy = ELF64_R_TYPE(relocation->r_info) == TFD_PORT_JUMP_SLOT,
        },
        data);
}

int tfd_words_visit(const struct tfd_object *object, tfd_word_visitor *visitor, void *data)
{
    struct dynamic dynamic;
    int result = 0;

    read_dynamic(object->map, &dynamic);
    for (int table = 0; table < 2 && dynamic.symbols && dynamic.strings; table++)
        for (size_t i = 0; i < dynamic.count[table] && !result; i++)
            result = visit(object->map, &dynamic, &dynamic.relocations[table][i], visitor, data);
    return result;
}

/* Does the address lie in the object?  Then it is no function that the object imports. */
static int is_inside(const struct tfd_object *object, void *address)
{
    struct link_map *map;
    Dl_info info;

    return dladdr1(address, &info, (void **)&map, RTLD_DL_LINKMAP) && map == object->map;
}

static void *look_up(void *handle, const struct tfd_word *word)
{
    return word->version ? dlvsym(handle, word->symbol, word->version)
                         : dlsym(handle, word->symbol);
}

/* In the order of the loader: what all objects see, then what the object brought along. */
static void *look_up_as_object(const struct tfd_object *object, const struct tfd_word *word)
{
    void *all = dlopen(NULL, RTLD_LAZY | RTLD_NOLOAD);
    void *found = all ? look_up(all, word) : NULL;

    if (all)
        dlclose(all);
    return found ? found : look_up(object->handle, word);
}

void *tfd_word_function(const struct tfd_object *object, const struct tfd_word *word)
{
    void *function = (void *)__atomic_load_n(word->at, __ATOMIC_RELAXED);

    if (!word->may_be_lazy || !is_inside(object, function))
        return function;
    function = look_up_as_object(object, word);
    return function && !is_inside(object, function) ? function : NULL;
}
