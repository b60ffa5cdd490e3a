/* SPDX-License-Identifier: MIT */
/*
 * The dynamic section of a loaded object, read without the dynamic loader: the loader's functions
 * for that (dlsym(3) and similar) wait for a dlopen(3) of another thread, and so for the
 * constructors that it runs.
 */
#ifndef TFD_ELF_H
#define TFD_ELF_H

#include "relocations.h" /* of the port */

#include <link.h>
#include <stddef.h>
#include <stdint.h>

/* ELF32_R_SYM(), ELF64_R_SYM() and similar for objects of this process. */
#if __SIZEOF_POINTER__ == 8
#define TFD_ELF(name) ELF64_##name
#else
#define TFD_ELF(name) ELF32_##name
#endif

/* Valid while the object is loaded.  Missing tables are NULL. */
struct tfd_elf {
    uintptr_t base;
    const ElfW(Dyn) *dynamic;
    const ElfW(Sym) *symbols;
    const char *strings;
    const ElfW(Half) *versions;  /* of the symbols */
    const ElfW(Verdef) *defined; /* the versions that it defines */
    const ElfW(Verneed) *needed; /* and those of other objects that it needs */
    const uint32_t *gnu_hash;
    const uint32_t *hash;
    const tfd_relocation *relocations[2];
    size_t relocation_count[2];
};

/* Read an object; `dynamic` may be NULL, as in a static program. */
void tfd_elf_read(uintptr_t base, const ElfW(Dyn) *dynamic, struct tfd_elf *elf);

/* The same in the callback of dl_iterate_phdr(3). */
void tfd_elf_read_info(const struct dl_phdr_info *info, struct tfd_elf *elf);

/* Does a segment of the object hold the address? */
int tfd_elf_holds(const struct dl_phdr_info *info, const void *address);

/*
 * A function that the object exports, or NULL.  `version` is the required one, unless the object
 * has no versions; NULL stands for the default version.
 */
void *tfd_elf_function(const struct tfd_elf *elf, const char *name, const char *version);

/* Does the object import a symbol whose name starts with that? */
int tfd_elf_imports(const struct tfd_elf *elf, const char *prefix);

/* The version that the object requires of an imported symbol, or NULL. */
const char *tfd_elf_version_needed(const struct tfd_elf *elf, size_t symbol);

/* The strings of DT_NEEDED, by index from 0; NULL beyond the last. */
const char *tfd_elf_dependency(const struct tfd_elf *elf, size_t index);

/* Is this loaded object the one that a dependency of that name leads to? */
int tfd_elf_is_called(const struct dl_phdr_info *info, const struct tfd_elf *elf, const char *name);

#endif
