/* SPDX-License-Identifier: MIT */
/*
 * The dynamic loader looks a name up in the program and its dependencies, and then in the caller
 * and the caller's dependencies.  This library comes before all of them; the objects after it are
 * searched here in the same order.  This library is not linked with libffi itself: that would put a
 * libffi before the copies that some objects contain.
 *
 * The loader itself cannot be called: dlsym(3) and similar functions wait for a dlopen(3) of
 * another thread, which may be running a constructor that waits for this thread's closure.  So the
 * objects are read here, one by one (see elf.h), within dl_iterate_phdr(3): it keeps them loaded
 * meanwhile by a lock that is not held while constructors run.
 *
 * The objects that were loaded together with this library are searched once, at that time.  If
 * there is a libffi among them, it serves every caller and stays loaded permanently.  A libffi that
 * was loaded later is not kept loaded, as its callers depend on it anyway; all results are
 * forgotten when any object is unloaded.
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

/* The version of the closure functions of the libffi that this library replaces. */
#define SONAME "libffi.so.8"
#define VERSION "LIBFFI_CLOSURE_8.0"

/* Every libffi with closures exports it. */
#define LANDMARK "ffi_prep_closure_loc"

/* Found by tfd_real_ffi_init(); complete once `has_next` is set. */
static TFD_SEALED(struct tfd_real_ffi) next;
static atomic_int has_next;
static atomic_int has_begun;

/*
 * Results by the caller's object, for who finds them unused: not every C library locks others out
 * of dl_iterate_phdr(), and a child of fork(2) may find them in use for ever.
 */
#define KNOWN_MAX 64

static atomic_flag known_is_used = ATOMIC_FLAG_INIT;
static struct {
    unsigned long long unloaded; /* objects, so far */
    unsigned count;
    struct {
        const void *caller; /* lowest address of its object */
        struct tfd_real_ffi real;
    } list[KNOWN_MAX];
} known;

/* The objects to search, by base address, breadth first as in the loader. */
#define SCOPE_MAX 256

struct search {
    const void *caller;
    const char *version; /* required of the landmark, or NULL */
    int is_after;        /* this library was passed */
    struct tfd_real_ffi *real;
    int found;

    uintptr_t scope[SCOPE_MAX];
    unsigned scope_count;
    uintptr_t wanted; /* the object of the scope to find next */
    const char *name; /* the name of the object to find next */
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

static void read_real(const struct dl_phdr_info *info, const struct tfd_elf *elf,
                      struct tfd_real_ffi *real)
{
    *real = (struct tfd_real_ffi){
        .object = start_of(info),
        .alloc = tfd_elf_function(elf, "ffi_closure_alloc", NULL),
        .free = tfd_elf_function(elf, "ffi_closure_free", NULL),
        .prep = tfd_elf_function(elf, LANDMARK, NULL),
        .prep_cif = tfd_elf_function(elf, "ffi_prep_cif", NULL),
        .prep_go = tfd_elf_function(elf, "ffi_prep_go_closure", NULL),
    };
}

/* Other copies of this library have closures, too, but nothing else of libffi. */
static int is_libffi(const struct tfd_elf *elf, const char *version)
{
    return tfd_elf_function(elf, LANDMARK, version) && tfd_elf_function(elf, "ffi_prep_cif", NULL);
}

/* Ends the search if this is a libffi. */
static int take_if_libffi(const struct dl_phdr_info *info, struct search *search)
{
    struct tfd_elf elf;

    tfd_elf_read_info(info, &elf);
    if (is_this_library(info) || !is_libffi(&elf, search->version))
        return 0;
    read_real(info, &elf, search->real);
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

/* Looks for a libffi of the version that this library replaces, then for any other one. */
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

/* In the caller and its dependencies. */
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
 * If a function ends in a jump to this library, `caller` is in the code that called that function,
 * which may not use libffi at all.  Then the libffi that this library replaces is taken, or else
 * any other one.
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
    const void *object; /* NULL: no object contains the address */
    struct tfd_real_ffi *real;
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
    if (holder->real) {
        tfd_elf_read_info(info, &elf);
        read_real(info, &elf, holder->real);
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

int tfd_real_ffi_at(const void *address, struct tfd_real_ffi *real)
{
    struct holder holder = {.address = address, .real = real};

    return dl_iterate_phdr(find_holder, &holder) ? 0 : -ENOENT;
}

static int recall(const void *object, struct tfd_real_ffi *real)
{
    for (unsigned i = 0; i < known.count; i++)
        if (object && known.list[i].caller == object) {
            *real = known.list[i].real;
            return 1;
        }
    return 0;
}

static void remember(const void *object, const struct tfd_real_ffi *real)
{
    if (!object || known.count == KNOWN_MAX)
        return;
    known.list[known.count].caller = object;
    known.list[known.count++].real = *real;
}

/* Results of before an object was unloaded are forgotten. */
static void recall_or_look(const struct dl_phdr_info *info, struct search *search)
{
    const void *object = tfd_object_of(search->caller);

    if (known.unloaded != info->dlpi_subs) {
        known.unloaded = info->dlpi_subs;
        known.count = 0;
    }
    search->found = recall(object, search->real);
    if (!search->found) {
        look(search);
        if (search->found)
            remember(object, search->real);
    }
}

/* Called once, for the first object: no object is unloaded until it returns. */
static int look_while_all_stay(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    if (atomic_flag_test_and_set_explicit(&known_is_used, memory_order_acquire)) {
        look(data);
    } else {
        recall_or_look(info, data);
        atomic_flag_clear_explicit(&known_is_used, memory_order_release);
    }
    return 1;
}

int tfd_real_ffi_of(const void *caller, struct tfd_real_ffi *real)
{
    struct search search = {.caller = caller, .real = real};

    if (atomic_load_explicit(&has_next, memory_order_acquire)) {
        *real = next.is;
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

int tfd_real_ffi_is_ambiguous(const void *caller)
{
    struct preparers preparers = {.caller = caller};

    dl_iterate_phdr(count_preparers, &preparers);
    return preparers.others > 1 || !preparers.imported_by_caller;
}

int tfd_real_ffi_init(void)
{
    struct search search = {.real = &next.is};
    Dl_info info;

    if (run(take_first_after_this, &search) && dladdr(next.is.object, &info)
        && dlopen(info.dli_fname, RTLD_LAZY | RTLD_NOLOAD))
        atomic_store_explicit(&has_next, 1, memory_order_release);
    tfd_seal(&next);
    atomic_store(&has_begun, 1);
    return has_next;
}
