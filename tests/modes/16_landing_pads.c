/* SPDX-License-Identifier: MIT */
/*
 * The processor checks where calls lead and return (CET)
 *
 * A closure's code begins with a landing pad, the library's file is marked as fit for both checks,
 * and a closure is called with a shadow stack where the kernel and the processor have one.
 *
 * Ways: landing pad; mark of the file; shadow stack
 * Right: works
 * Not with trampfd-user: its slots are no memory
 */
#include "mode.h"

#include <elf.h>
#include <link.h>
#include <sys/syscall.h>

enum { ARCH_SHSTK_ENABLE = 0x5001, ARCH_SHSTK_DISABLE = 0x5002, ARCH_SHSTK_SHSTK = 1 };

static const unsigned char endbr64[] = {0xf3, 0x0f, 0x1e, 0xfa};

/* The features that a property note of x86 claims: 1 is IBT, 2 a shadow stack. */
static int features(const char *note, size_t size)
{
    const ElfW(Nhdr) *header = (const ElfW(Nhdr) *)note;
    const char *at = note + sizeof(*header) + header->n_namesz, *last = note + size;

    while (at + 12 <= last) {
        const unsigned *property = (const unsigned *)at;

        if (property[0] == GNU_PROPERTY_X86_FEATURE_1_AND)
            return (int)property[2];
        at += 8 + (property[1] + 7) / 8 * 8;
    }
    return 0;
}

static int find_note(struct dl_phdr_info *info, size_t size, void *found)
{
    (void)size;
    if (strcmp(info->dlpi_name, library()))
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_GNU_PROPERTY)
            *(int *)found = features((const char *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr),
                                     info->dlpi_phdr[i].p_memsz);
    return 1;
}

static void call_with_shadow_stack(struct closure one)
{
    long error = syscall(SYS_arch_prctl, ARCH_SHSTK_ENABLE, ARCH_SHSTK_SHSTK);
    int got;

    if (error)
        absent("no shadow stack: %s", strerror(errno));
    /* Nothing returns that was called before there was one. */
    got = one.code(7);
    syscall(SYS_arch_prctl, ARCH_SHSTK_DISABLE, ARCH_SHSTK_SHSTK);
    EXPECT(got == 8, "a closure returned %d", got);
}

int main(int argc, char **argv)
{
    struct closure one = make(1);
    int found = 0;

    if (way("landing pad"))
        EXPECT(!memcmp((void *)one.code, endbr64, 4), "the code does not begin with endbr64");
    if (way("mark of the file")) {
        dl_iterate_phdr(find_note, &found);
        EXPECT(found == 3, "the property note does not name both checks");
    }
    if (way("shadow stack"))
        call_with_shadow_stack(one);
    return 0;
}
