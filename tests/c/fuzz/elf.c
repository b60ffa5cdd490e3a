/* SPDX-License-Identifier: MIT */
/*
 * Objects with the symbols, versions and relocations that an input asks for, each table in memory of
 * its own size: what is found in them is what was put in, and nothing else is read.  The tables are
 * sound, if strange, because the reader is for objects that the loader has taken.
 */
#include "input.h"

#include "base/elf.h"

enum { SYMBOLS_MAX = 12, VERSIONS_MAX = 4, RELOCATIONS_MAX = 8, DYNAMIC_MAX = 24, NEEDED_MAX = 3 };
enum { BASE = 0x1000, STRINGS_SIZE = 64 };

/* Few names, so that symbols share them; one more place is in the middle of the last. */
static const char *const names[] = {"", "f", "ff", "ffi_call", "ffi_closure_alloc", "g", "elffin"};
static const char strings[STRINGS_SIZE] = "\0f\0ff\0ffi_call\0ffi_closure_alloc\0g\0elffin";
static const ElfW(Word) places[] = {0, 1, 3, 6, 15, 33, 35, 38};

enum { NAMES = 7, PLACES = 8 };

struct symbol {
    unsigned name, type, version;
    int is_defined, is_hidden;
};

static struct object {
    unsigned count, version_count, needed_count, dependency_count, relocation_count[2];
    struct symbol symbols[SYMBOLS_MAX];
    int has_versions;
    unsigned versions[VERSIONS_MAX], needed[VERSIONS_MAX]; /* their names */
    unsigned dependencies[NEEDED_MAX], relocations[2][RELOCATIONS_MAX];
    enum { NO_HASH, GNU_HASH, OLD_HASH } hash;
    unsigned buckets, bloom_words;
} object;

static ElfW(Dyn) dynamic[DYNAMIC_MAX];
static unsigned dynamic_count;

static void add_entry(ElfW(Sxword) tag, uintptr_t value)
{
    dynamic[dynamic_count++] = (ElfW(Dyn)){.d_tag = tag, .d_un = {.d_val = value}};
    AGREE(dynamic_count < DYNAMIC_MAX, "entries");
}

static void *tables[DYNAMIC_MAX];
static unsigned table_count;

static void *add_table(ElfW(Sxword) tag, size_t size)
{
    void *table = calloc(1, size ? size : 1);

    AGREE(table, "memory");
    tables[table_count++] = table;
    if (tag)
        add_entry(tag, (uintptr_t)table);
    return table;
}

/* Versions 0 and 1 are "local" and "global", those of the object follow, then the needed ones. */
static void draw(struct input *input)
{
    object.count = 1 + take_below(input, SYMBOLS_MAX);
    object.has_versions = (int)take_below(input, 2);
    object.version_count = take_below(input, VERSIONS_MAX + 1);
    object.needed_count = take_below(input, VERSIONS_MAX + 1);
    for (unsigned i = 0; i < VERSIONS_MAX; i++) {
        object.versions[i] = take_below(input, NAMES);
        object.needed[i] = take_below(input, NAMES);
    }
    object.hash = take_below(input, 3);
    object.buckets = 1 + take_below(input, 3);
    object.bloom_words = take_below(input, 3);
    for (unsigned i = 1; i < object.count; i++)
        object.symbols[i] = (struct symbol){
            .name = take_below(input, NAMES),
            .type = take_below(input, 4),
            .version = take_below(input, 2 + 2 * VERSIONS_MAX),
            .is_defined = (int)take_below(input, 2),
            .is_hidden = (int)take_below(input, 2),
        };
    object.dependency_count = take_below(input, NEEDED_MAX + 1);
    for (unsigned i = 0; i < NEEDED_MAX; i++)
        object.dependencies[i] = take_below(input, PLACES);
    for (unsigned table = 0; table < 2; table++) {
        object.relocation_count[table] = take_below(input, RELOCATIONS_MAX + 1);
        for (unsigned i = 0; i < RELOCATIONS_MAX; i++)
            object.relocations[table][i] = take_below(input, object.count);
    }
}

static uint32_t hash_of(const struct symbol *symbol)
{
    uint32_t hash = 5381;

    for (const char *at = names[symbol->name]; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    return hash;
}

/* Imports first, and exports by bucket, as the table wants them. */
static int compare(const void *one, const void *other)
{
    const struct symbol *a = one, *b = other;

    if (a->is_defined != b->is_defined || !a->is_defined)
        return a->is_defined - b->is_defined;
    return (int)(hash_of(a) % object.buckets) - (int)(hash_of(b) % object.buckets);
}

static void write_gnu_hash(void)
{
    size_t bloom = object.bloom_words * sizeof(ElfW(Addr)) / sizeof(uint32_t);
    unsigned first = 1;
    uint32_t *table, *buckets, *chain;

    qsort(object.symbols + 1, object.count - 1, sizeof(*object.symbols), compare);
    while (first < object.count && !object.symbols[first].is_defined)
        first++;
    table = add_table(DT_GNU_HASH,
                      (4 + bloom + object.buckets + object.count - first) * sizeof(*table));
    table[0] = object.buckets;
    table[1] = first;
    table[2] = object.bloom_words;
    buckets = table + 4 + bloom;
    chain = buckets + object.buckets;
    for (unsigned i = first; i < object.count; i++) {
        uint32_t bucket = hash_of(&object.symbols[i]) % object.buckets;
        int is_last =
            i + 1 == object.count || hash_of(&object.symbols[i + 1]) % object.buckets != bucket;

        if (!buckets[bucket])
            buckets[bucket] = i;
        chain[i - first] = (hash_of(&object.symbols[i]) & ~1u) | (uint32_t)is_last;
    }
}

static void write_old_hash(void)
{
    uint32_t *table = add_table(DT_HASH, (2 + 1 + object.count) * sizeof(*table));

    table[0] = 1;
    table[1] = object.count;
}

static void write_symbols(void)
{
    ElfW(Sym) *symbols = add_table(DT_SYMTAB, object.count * sizeof(*symbols));

    for (unsigned i = 1; i < object.count; i++)
        symbols[i] = (ElfW(Sym)){
            .st_name = places[object.symbols[i].name],
            .st_info = (unsigned char)(STB_GLOBAL << 4 | object.symbols[i].type),
            .st_shndx = object.symbols[i].is_defined ? 1 : SHN_UNDEF,
            .st_value = i * 16,
        };
    memcpy(add_table(DT_STRTAB, STRINGS_SIZE), strings, STRINGS_SIZE);
}

static void write_versions(void)
{
    ElfW(Half) *versions = add_table(DT_VERSYM, object.count * sizeof(*versions));

    for (unsigned i = 1; i < object.count; i++)
        versions[i] = (ElfW(Half))(object.symbols[i].version | (object.symbols[i].is_hidden << 15));
}

struct defined {
    ElfW(Verdef) version;
    ElfW(Verdaux) name;
};

static void write_defined(void)
{
    struct defined *table = add_table(DT_VERDEF, object.version_count * sizeof(*table));

    for (unsigned i = 0; i < object.version_count; i++) {
        table[i].version = (ElfW(Verdef)){
            .vd_ndx = (ElfW(Half))(2 + i),
            .vd_cnt = 1,
            .vd_aux = offsetof(struct defined, name),
            .vd_next = i + 1 < object.version_count ? sizeof(*table) : 0,
        };
        table[i].name = (ElfW(Verdaux)){.vda_name = places[object.versions[i]]};
    }
}

/* All of one file. */
static void write_needed(void)
{
    ElfW(Verneed) *file =
        add_table(DT_VERNEED, sizeof(*file) + object.needed_count * sizeof(ElfW(Vernaux)));
    ElfW(Vernaux) *table = (ElfW(Vernaux) *)(file + 1);

    *file = (ElfW(Verneed)){.vn_cnt = (ElfW(Half))object.needed_count, .vn_aux = sizeof(*file)};
    for (unsigned i = 0; i < object.needed_count; i++)
        table[i] = (ElfW(Vernaux)){
            .vna_other = (ElfW(Half))(2 + VERSIONS_MAX + i),
            .vna_name = places[object.needed[i]],
            .vna_next = i + 1 < object.needed_count ? sizeof(*table) : 0,
        };
}

static void write_relocations(unsigned table, ElfW(Sxword) tag, ElfW(Sxword) size_tag)
{
    size_t size = object.relocation_count[table] * sizeof(tfd_relocation);
    tfd_relocation *relocations = add_table(tag, size);

    for (unsigned i = 0; i < object.relocation_count[table]; i++)
        relocations[i].r_info = TFD_ELF(R_INFO)((uintptr_t)object.relocations[table][i], 1);
    add_entry(size_tag, size);
}

static void write_object(void)
{
    dynamic_count = table_count = 0;
    if (object.hash == GNU_HASH)
        write_gnu_hash();
    if (object.hash == OLD_HASH)
        write_old_hash();
    write_symbols();
    if (object.has_versions) {
        write_versions();
        if (object.version_count)
            write_defined();
        if (object.needed_count)
            write_needed();
    }
    write_relocations(0, TFD_PORT_RELOCATIONS, TFD_PORT_RELOCATIONS_SIZE);
    write_relocations(1, DT_JMPREL, DT_PLTRELSZ);
    for (unsigned i = 0; i < object.dependency_count; i++)
        add_entry(DT_NEEDED, places[object.dependencies[i]]);
    add_entry(DT_NULL, 0);
}

static int is_of_version(const struct symbol *symbol, const char *version)
{
    unsigned index = symbol->version - 2;

    if (!object.has_versions)
        return 1;
    if (!version)
        return !symbol->is_hidden;
    return symbol->version >= 2 && index < object.version_count
           && !strcmp(names[object.versions[index]], version);
}

static int is_wanted(const struct symbol *symbol, const char *name, const char *version)
{
    return symbol->is_defined && (symbol->type == STT_FUNC || symbol->type == STT_NOTYPE)
           && !strcmp(names[symbol->name], name) && is_of_version(symbol, version);
}

static void check_function(const struct tfd_elf *elf, const char *name, const char *version)
{
    uintptr_t found = (uintptr_t)tfd_elf_function(elf, name, version);
    unsigned index = found ? (unsigned)(found - BASE) / 16 : 0;

    if (found)
        AGREE(object.hash && index < object.count
                  && is_wanted(&object.symbols[index], name, version),
              "%s %s is not number %u", name, version ? version : "", index);
    else
        for (unsigned i = 1; object.hash && i < object.count; i++)
            AGREE(!is_wanted(&object.symbols[i], name, version), "%s %s is number %u", name,
                  version ? version : "", i);
}

static int imports(const char *prefix)
{
    for (unsigned table = 0; table < 2; table++)
        for (unsigned i = 0; i < object.relocation_count[table]; i++) {
            unsigned symbol = object.relocations[table][i];

            if (symbol && !object.symbols[symbol].is_defined
                && !strncmp(names[object.symbols[symbol].name], prefix, strlen(prefix)))
                return 1;
        }
    return 0;
}

static void check_version_needed(const struct tfd_elf *elf, unsigned symbol)
{
    const char *found = tfd_elf_version_needed(elf, symbol);
    unsigned index = object.symbols[symbol].version - 2 - VERSIONS_MAX;
    int is_needed = object.has_versions && object.symbols[symbol].version >= 2 + VERSIONS_MAX
                    && index < object.needed_count;

    AGREE(!found == !is_needed, "symbol %u: %s", symbol, found ? found : "");
    if (found)
        AGREE(!strcmp(found, names[object.needed[index]]), "symbol %u: %s", symbol, found);
}

static void check_object(const struct tfd_elf *elf)
{
    for (unsigned name = 0; name < NAMES; name++) {
        check_function(elf, names[name], NULL);
        for (unsigned version = 0; version < NAMES; version++)
            check_function(elf, names[name], names[version]);
        AGREE(tfd_elf_imports(elf, names[name]) == imports(names[name]), "%s", names[name]);
    }
    for (unsigned i = 0; i < object.count; i++)
        check_version_needed(elf, i);
    for (unsigned i = 0; i < object.dependency_count; i++)
        AGREE(tfd_elf_dependency(elf, i) == elf->strings + places[object.dependencies[i]],
              "dependency %u", i);
    AGREE(!tfd_elf_dependency(elf, object.dependency_count), "one dependency more");
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    struct tfd_elf elf;

    draw(&input);
    write_object();
    tfd_elf_read(BASE, dynamic, &elf);
    check_object(&elf);
    for (unsigned i = 0; i < table_count; i++)
        free(tables[i]);
    return 0;
}
