/* SPDX-License-Identifier: MIT */
/*
 * The dynamic loader looks a name up in the program and what it was linked with, and then in the
 * caller and what that was linked with.  This library stands in front of all of them; what comes
 * after it is looked up in the same order.  It is not linked with libffi itself: that would bring
 * a libffi in front of the copies that some objects have of their own.
 *
 * The loader itself cannot be asked: dlsym(3) and its kin wait for a dlopen(3) of another thread,
 * which may be running a constructor that waits for this thread's closure.  So the objects are
 * read here, one by one (see elf.h), within dl_iterate_phdr(3): that keeps them loaded
 * meanwhile by a lock that is not held while constructors run.
 *
 * What was loaded together with this library is looked through once, when it was loaded; that
 * libffi, when there is one, serves every caller and stays loaded for good.  A libffi that came
 * later is not held: whoever calls depends on it, as on stock, and what was found is forgotten when
 * any object is unloaded.
 */
#define _GNU_SOURCE
#include "real_ffi.h"

#include "base/sealed.h"
#include "base/elf.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

/* The libffi whose closure functions have this version is the one that is stood in for. */
#define SONAME "libffi.so.8"
#define VERSION "LIBFFI_CLOSURE_8.0"

/* Every libffi with closures has it. */
#define LANDMARK "ffi_prep_closure_loc"

/* Found by tfd_stock_begin(); complete once `has_next` is set. */
static TFD_SEALED(struct tfd_stock) next;
static atomic_int has_next;
static atomic_int has_begun;

/* What was found for callers in an object; used within dl_iterate_phdr() only, under its lock. */
#define KNOWN_MAX 64

static struct {
    unsigned long long unloaded; /* objects, so far */
    unsigned count;
    struct {
        const void *caller; /* lowest address of its object */
        struct tfd_stock stock;
    } list[KNOWN_MAX];
} known;

/* Objects that are looked through, by their bases, breadth first as the loader does it. */
#define SCOPE_MAX 256

struct search {
    const void *caller;
    const char *version; /* that the landmark has to have, or NULL */
    int is_after;        /* this library was passed */
    struct tfd_stock *stock;
    int found;

    uintptr_t scope[SCOPE_MAX];
    unsigned scope_count;
    uintptr_t wanted; /* the object of the scope that is being looked for */
    const char *name; /* the same for an object by its name */
};

typedef int visitor(struct dl_phdr_info *, size_t, void *);

static int is_this_library(const struct dl_phdr_info *info)
{
    static const char here;

    return tfd_elf_holds(info, &here);
}

static void *start_of(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++)
        if (info->dlpi_phdr[i].p_type == PT_LOAD)
            return (void *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
    return NULL;
}

static void read_stock(const struct dl_phdr_info *info, const struct tfd_elf *elf,
                       struct tfd_stock *stock)
{
    *stock = (struct tfd_stock){
        .object = start_of(info),
        .alloc = tfd_elf_function(elf, "ffi_closure_alloc", NULL),
        .free = tfd_elf_function(elf, "ffi_closure_free", NULL),
        .prep = tfd_elf_function(elf, LANDMARK, NULL),
        .prep_cif = tfd_elf_function(elf, "ffi_prep_cif", NULL),
        .prep_go = tfd_elf_function(elf, "ffi_prep_go_closure", NULL),
    };
}

/* Is it a libffi, and not this library?  Then it is what was looked for. */
static int take_if_libffi(const struct dl_phdr_info *info, struct search *search)
{
    struct tfd_elf elf;

    tfd_elf_read_info(info, &elf);
    if (is_this_library(info) || !tfd_elf_function(&elf, LANDMARK, search->version))
        return 0;
    read_stock(info, &elf, search->stock);
    search->found = 1;
    return 1;
}

static int take_first_after_this(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;

    (void)size;
    if (search->is_after)
        return take_if_libffi(info, search);
    search->is_after = is_this_library(info);
    return 0;
}

static int take_by_name(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    struct tfd_elf elf;

    (void)size;
    tfd_elf_read_info(info, &elf);
    return tfd_elf_is_called(info, &elf, search->name) && take_if_libffi(info, search);
}

static int take_any(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    return take_if_libffi(info, data);
}

/* Looks for a libffi of the version that is stood in for, and then for any other one. */
static int run(visitor *take, struct search *search)
{
    static const char *const versions[] = {VERSION, NULL};

    for (int i = 0; i < 2 && !search->found; i++) {
        search->version = versions[i];
        search->is_after = 0;
        dl_iterate_phdr(take, search);
    }
    return search->found;
}

static void enter_scope(const struct dl_phdr_info *info, struct search *search)
{
    unsigned i = 0;

    while (i < search->scope_count && search->scope[i] != info->dlpi_addr)
        i++;
    if (i == search->scope_count && i < SCOPE_MAX)
        search->scope[search->scope_count++] = info->dlpi_addr;
}

static int enter_by_name(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    struct tfd_elf elf;

    (void)size;
    tfd_elf_read_info(info, &elf);
    if (!tfd_elf_is_called(info, &elf, search->name))
        return 0;
    enter_scope(info, search);
    return 1;
}

static int enter_dependencies(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    struct tfd_elf elf;

    (void)size;
    if (info->dlpi_addr != search->wanted)
        return 0;
    tfd_elf_read_info(info, &elf);
    for (size_t i = 0; (search->name = tfd_elf_dependency(&elf, i)); i++)
        dl_iterate_phdr(enter_by_name, search);
    return 1;
}

static int enter_caller(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;

    (void)size;
    if (!tfd_elf_holds(info, search->caller))
        return 0;
    enter_scope(info, search);
    return 1;
}

static int take_in_scope(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;

    (void)size;
    return info->dlpi_addr == search->wanted && take_if_libffi(info, search);
}

/* In the caller and what it was linked with. */
static int look_in_scope(struct search *search)
{
    static const char *const versions[] = {VERSION, NULL};

    dl_iterate_phdr(enter_caller, search);
    for (unsigned i = 0; i < search->scope_count; i++) {
        search->wanted = search->scope[i];
        dl_iterate_phdr(enter_dependencies, search);
    }
    for (unsigned pass = 0; pass < 2; pass++)
        for (unsigned i = 0; i < search->scope_count && !search->found; i++) {
            search->version = versions[pass];
            search->wanted = search->scope[i];
            dl_iterate_phdr(take_in_scope, search);
        }
    return search->found;
}

/*
 * A caller that ends in a jump to us leaves us with its own caller, which may be a stranger to
 * libffi: then it is the libffi that this library stands in for, or whichever there is.
 */
static void look(struct search *search)
{
    if (!atomic_load(&has_begun) && run(take_first_after_this, search))
        return;
    if (look_in_scope(search))
        return;
    search->name = SONAME;
    if (!run(take_by_name, search))
        run(take_any, search);
}

struct holder {
    const void *address;
    const void *object; /* NULL: none has the address */
    struct tfd_stock *stock;
    char *name;
    size_t size;
};

static int find_holder(struct dl_phdr_info *info, size_t size, void *data)
{
    struct holder *holder = data;
    struct tfd_elf elf;

    (void)size;
    if (!tfd_elf_holds(info, holder->address))
        return 0;
    holder->object = start_of(info);
    if (holder->stock) {
        tfd_elf_read_info(info, &elf);
        read_stock(info, &elf, holder->stock);
    }
    if (holder->name)
        snprintf(holder->name, holder->size, "%s",
                 *info->dlpi_name ? info->dlpi_name : program_invocation_name);
    return 1;
}

const void *tfd_object_of(const void *address)
{
    struct holder holder = {.address = address};

    dl_iterate_phdr(find_holder, &holder);
    return holder.object;
}

int tfd_object_name(const void *address, char *name, size_t size)
{
    struct holder holder = {.address = address, .name = name, .size = size};

    return dl_iterate_phdr(find_holder, &holder) ? 0 : -ENOENT;
}

int tfd_stock_at(const void *address, struct tfd_stock *stock)
{
    struct holder holder = {.address = address, .stock = stock};

    return dl_iterate_phdr(find_holder, &holder) ? 0 : -ENOENT;
}

static int recall(const void *object, struct tfd_stock *stock)
{
    for (unsigned i = 0; i < known.count; i++)
        if (object && known.list[i].caller == object) {
            *stock = known.list[i].stock;
            return 1;
        }
    return 0;
}

static void remember(const void *object, const struct tfd_stock *stock)
{
    if (!object || known.count == KNOWN_MAX)
        return;
    known.list[known.count].caller = object;
    known.list[known.count++].stock = *stock;
}

/* Called once, for the first object: nothing is unloaded until it returns. */
static int look_while_all_stay(struct dl_phdr_info *info, size_t size, void *data)
{
    struct search *search = data;
    const void *object = tfd_object_of(search->caller);

    (void)size;
    if (known.unloaded != info->dlpi_subs) {
        known.unloaded = info->dlpi_subs;
        known.count = 0;
    }
    search->found = recall(object, search->stock);
    if (!search->found) {
        look(search);
        if (search->found)
            remember(object, search->stock);
    }
    return 1;
}

int tfd_stock_of(const void *caller, struct tfd_stock *stock)
{
    struct search search = {.caller = caller, .stock = stock};

    if (atomic_load_explicit(&has_next, memory_order_acquire)) {
        *stock = next.is;
        return 0;
    }
    dl_iterate_phdr(look_while_all_stay, &search);
    return search.found ? 0 : -ENOENT;
}

struct preparers {
    const void *caller;
    unsigned others; /* objects that export a function to prepare closures */
    int imported_by_caller;
};

static int count_preparers(struct dl_phdr_info *info, size_t size, void *data)
{
    struct preparers *preparers = data;
    struct tfd_elf elf;

    (void)size;
    tfd_elf_read_info(info, &elf);
    if (tfd_elf_holds(info, preparers->caller))
        preparers->imported_by_caller = tfd_elf_imports(&elf, "ffi_prep_closure");
    preparers->others += !is_this_library(info) && tfd_elf_function(&elf, LANDMARK, NULL);
    return 0;
}

int tfd_stock_is_ambiguous(const void *caller)
{
    struct preparers preparers = {.caller = caller};

    dl_iterate_phdr(count_preparers, &preparers);
    return preparers.others > 1 || !preparers.imported_by_caller;
}

int tfd_stock_begin(void)
{
    struct search search = {.stock = &next.is};
    Dl_info info;

    if (run(take_first_after_this, &search) && dladdr(next.is.object, &info)
        && dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD))
        atomic_store_explicit(&has_next, 1, memory_order_release);
    tfd_seal(&next);
    atomic_store(&has_begun, 1);
    return has_next;
}
