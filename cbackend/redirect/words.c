/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "words.h"

#include "base/elf.h"
#include "libc_symbol.h"
#include "relocations.h"

/* On some CPUs two of these are equal. */
static int stores_an_address(const struct tfd_elf *elf, const tfd_relocation *relocation)
{
    unsigned type = (unsigned)TFD_ELF(R_TYPE)(relocation->r_info);

    return type == TFD_PORT_JUMP_SLOT || type == TFD_PORT_GLOB_DAT
           || (type == TFD_PORT_WORD && tfd_port_addend(elf->base, relocation) == 0);
}

static int visit(const struct tfd_elf *elf, const tfd_relocation *relocation,
                 tfd_word_visitor *visitor, void *data)
{
    size_t symbol = TFD_ELF(R_SYM)(relocation->r_info);

    if (!stores_an_address(elf, relocation) || elf->symbols[symbol].st_shndx != SHN_UNDEF)
        return 0;
    return visitor(
        &(struct tfd_word){
            .at = (uintptr_t *)(elf->base + relocation->r_offset),
            .symbol = elf->strings + elf->symbols[symbol].st_name,
            .version = tfd_elf_version_needed(elf, symbol),
            .may_be_lazy = TFD_ELF(R_TYPE)(relocation->r_info) == TFD_PORT_JUMP_SLOT,
        },
        data);
}

int tfd_words_visit(const struct tfd_object *object, tfd_word_visitor *visitor, void *data)
{
    struct tfd_elf elf;
    int result = 0;

    tfd_elf_read(object->map->l_addr, object->map->l_ld, &elf);
    for (int table = 0; table < 2 && elf.symbols && elf.strings; table++)
        for (size_t i = 0; i < elf.relocation_count[table] && !result; i++)
            result = visit(&elf, &elf.relocations[table][i], visitor, data);
    return result;
}

/* Does the address lie in the object?  Then it is not a function that the object imports. */
static int is_inside(const struct tfd_object *object, const void *address)
{
    Dl_info found, own;

    return dladdr(address, &found) && dladdr(object->map->l_ld, &own)
           && found.dli_fbase == own.dli_fbase;
}

static void *look_up(void *handle, const struct tfd_word *word)
{
    return tfd_symbol(handle, word->symbol, word->version);
}

/* In the order of the loader: the global scope, then the dependencies of the object. */
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
