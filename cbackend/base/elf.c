/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "elf.h"

#include <string.h>

#define VERSION_INDEX 0x7fff
#define VERSION_HIDDEN 0x8000

/*
 * Some loaders replace the offsets in the dynamic section by addresses, others do not; glibc does
 * not replace those of the vDSO.
 */
static const void *address_of(uintptr_t base, const ElfW(Dyn) *entry)
{
    uintptr_t value = entry->d_un.d_ptr;

    return (const void *)(value < base ? base + value : value);
}

void tfd_elf_read(uintptr_t base, const ElfW(Dyn) *dynamic, struct tfd_elf *elf)
{
    *elf = (struct tfd_elf){.base = base, .dynamic = dynamic};
    for (const ElfW(Dyn) *entry = dynamic; entry && entry->d_tag != DT_NULL; entry++)
        switch (entry->d_tag) {
        case DT_SYMTAB: elf->symbols = address_of(base, entry); break;
        case DT_STRTAB: elf->strings = address_of(base, entry); break;
        case DT_VERSYM: elf->versions = address_of(base, entry); break;
        case DT_VERDEF: elf->defined = address_of(base, entry); break;
        case DT_VERNEED: elf->needed = address_of(base, entry); break;
        case DT_GNU_HASH: elf->gnu_hash = address_of(base, entry); break;
        case DT_HASH: elf->hash = address_of(base, entry); break;
        case TFD_PORT_RELOCATIONS: elf->relocations[0] = address_of(base, entry); break;
        case TFD_PORT_RELOCATIONS_SIZE:
            elf->relocation_count[0] = entry->d_un.d_val / sizeof(tfd_relocation);
            break;
        case DT_JMPREL: elf->relocations[1] = address_of(base, entry); break;
        case DT_PLTRELSZ:
            elf->relocation_count[1] = entry->d_un.d_val / sizeof(tfd_relocation);
            break;
        }
}

void tfd_elf_read_info(const struct dl_phdr_info *info, struct tfd_elf *elf)
{
    const ElfW(Dyn) *dynamic = NULL;

    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_DYNAMIC)
            dynamic = (const void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    tfd_elf_read(info->dlpi_addr, dynamic, elf);
}

int tfd_elf_holds(const struct dl_phdr_info *info, const void *address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];

        if (segment->p_type == PT_LOAD
            && (uintptr_t)address - (info->dlpi_addr + segment->p_vaddr) < segment->p_memsz)
            return 1;
    }
    return 0;
}

/* The next structure of a chain of version information, or NULL. */
static const void *next(const void *structure, ElfW(Word) distance)
{
    return distance ? (const char *)structure + distance : NULL;
}

static const char *version_defined(const struct tfd_elf *elf, unsigned index)
{
    for (const ElfW(Verdef) *version = elf->defined; version;
         version = next(version, version->vd_next))
        if ((version->vd_ndx & VERSION_INDEX) == index) {
            const ElfW(Verdaux) *name = next(version, version->vd_aux);

            return name ? elf->strings + name->vda_name : NULL;
        }
    return NULL;
}

const char *tfd_elf_version_needed(const struct tfd_elf *elf, size_t symbol)
{
    unsigned index = elf->versions ? elf->versions[symbol] & VERSION_INDEX : 0;

    for (const ElfW(Verneed) *needed = index > VER_NDX_GLOBAL ? elf->needed : NULL; needed;
         needed = next(needed, needed->vn_next))
        for (const ElfW(Vernaux) *version = next(needed, needed->vn_aux); version;
             version = next(version, version->vna_next))
            if ((version->vna_other & VERSION_INDEX) == index)
                return elf->strings + version->vna_name;
    return NULL;
}

static int is_of_version(const struct tfd_elf *elf, uint32_t symbol, const char *version)
{
    const char *defined;

    if (!elf->versions)
        return 1;
    if (!version)
        return !(elf->versions[symbol] & VERSION_HIDDEN);
    defined = version_defined(elf, elf->versions[symbol] & VERSION_INDEX);
    return defined && !strcmp(defined, version);
}

struct wanted {
    const char *name, *version;
};

static int is_wanted(const struct tfd_elf *elf, uint32_t index, const struct wanted *wanted)
{
    const ElfW(Sym) *symbol = &elf->symbols[index];
    unsigned char type = symbol->st_info & 0xf;

    return symbol->st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_NOTYPE)
           && !strcmp(elf->strings + symbol->st_name, wanted->name)
           && is_of_version(elf, index, wanted->version);
}

/* The index of the symbol, or 0. */
static uint32_t find_by_gnu_hash(const struct tfd_elf *elf, const struct wanted *wanted)
{
    uint32_t bucket_count = elf->gnu_hash[0], first = elf->gnu_hash[1];
    uint32_t bloom_words = elf->gnu_hash[2] * (uint32_t)(sizeof(ElfW(Addr)) / sizeof(uint32_t));
    const uint32_t *buckets = elf->gnu_hash + 4 + bloom_words;
    const uint32_t *chain = buckets + bucket_count;
    uint32_t hash = 5381, index;

    for (const char *at = wanted->name; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    index = bucket_count ? buckets[hash % bucket_count] : 0;
    if (index < first)
        return 0;
    for (;; index++) {
        if ((chain[index - first] | 1) == (hash | 1) && is_wanted(elf, index, wanted))
            return index;
        if (chain[index - first] & 1)
            return 0;
    }
}

/* The older table has the number of symbols; they are few enough to search all. */
static uint32_t find_one_by_one(const struct tfd_elf *elf, const struct wanted *wanted)
{
    for (uint32_t i = 1; i < elf->hash[1]; i++)
        if (is_wanted(elf, i, wanted))
            return i;
    return 0;
}

void *tfd_elf_function(const struct tfd_elf *elf, const char *name, const char *version)
{
    const struct wanted wanted = {.name = name, .version = version};
    uint32_t index = 0;

    if (elf->symbols && elf->strings)
        index = elf->gnu_hash ? find_by_gnu_hash(elf, &wanted)
                : elf->hash   ? find_one_by_one(elf, &wanted)
                              : 0;
    return index ? (void *)(elf->base + elf->symbols[index].st_value) : NULL;
}

static int is_import(const struct tfd_elf *elf, size_t symbol, const char *prefix)
{
    return symbol && elf->symbols[symbol].st_shndx == SHN_UNDEF
           && !strncmp(elf->strings + elf->symbols[symbol].st_name, prefix, strlen(prefix));
}

/* The hash tables do not contain imports; but everything that is called has a relocation. */
int tfd_elf_imports(const struct tfd_elf *elf, const char *prefix)
{
    for (int table = 0; table < 2 && elf->symbols && elf->strings; table++)
        for (size_t i = 0; i < elf->relocation_count[table]; i++)
            if (is_import(elf, TFD_ELF(R_SYM)(elf->relocations[table][i].r_info), prefix))
                return 1;
    return 0;
}

static const char *string_of(const struct tfd_elf *elf, ElfW(Sxword) tag, size_t index)
{
    for (const ElfW(Dyn) *entry = elf->strings ? elf->dynamic : NULL;
         entry && entry->d_tag != DT_NULL; entry++)
        if (entry->d_tag == tag && !index--)
            return elf->strings + entry->d_un.d_val;
    return NULL;
}

const char *tfd_elf_dependency(const struct tfd_elf *elf, size_t index)
{
    return string_of(elf, DT_NEEDED, index);
}

int tfd_elf_is_called(const struct dl_phdr_info *info, const struct tfd_elf *elf, const char *name)
{
    const char *soname = string_of(elf, DT_SONAME, 0);
    const char *slash = strrchr(info->dlpi_name, '/');

    return (soname && !strcmp(soname, name)) || !strcmp(info->dlpi_name, name)
           || (slash && !strcmp(slash + 1, name));
}
