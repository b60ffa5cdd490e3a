/* SPDX-License-Identifier: MIT */
/*
 * What the C tests of the core share.  A test ends with 0, with 1 after CHECK said what
 * is wrong, or with 77 after SKIP said what is absent.
 */
#ifndef CHECK_H
#define CHECK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include "trampfd.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHECK(condition, ...)                                                                      \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: not so: %s: ", __FILE__, __LINE__, #condition);                \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fputc('\n', stderr);                                                                   \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* `full`, or less in an emulated machine, where TRAMPFD_VM is set: see tests/support/scale.py. */
static inline int scaled(int full, int emulated)
{
    return getenv("TRAMPFD_VM") ? emulated : full;
}

#define SKIP(...)                                                                                  \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        fputc('\n', stderr);                                                                       \
        exit(77);                                                                                  \
    } while (0)

/* The function that most tests make: its argument plus a number of its own. */
typedef int adder(int);

static inline ffi_cif *adder_cif(void)
{
    static ffi_type *arguments[] = {&ffi_type_sint};
    static ffi_cif cif;

    if (!cif.nargs && ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, arguments) != FFI_OK)
        abort();
    return &cif;
}

static inline void add(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    *(ffi_sarg *)result = *(int *)arguments[0] + (int)(intptr_t)user_data;
}

static inline void describe(const struct trampfd_trail *trail)
{
    char text[2000];

    trampfd_trail_format(trail, text, sizeof(text));
    fprintf(stderr, "refused: %s\n", text);
}

/* A prepared adder; `number` makes it tell from others. */
static inline void *make_sized(size_t size, int number, adder **code)
{
    struct trampfd_trail trail;
    void *closure = trampfd_closure_alloc(size, (void **)code, &trail);

    if (!closure)
        describe(&trail);
    CHECK(closure, "allocation %d: %s", number, strerror(errno));
    CHECK(!trampfd_closure_prep(closure, adder_cif(), add, (void *)(intptr_t)number),
          "preparation %d", number);
    return closure;
}

static inline void *make(int number, adder **code)
{
    return make_sized(sizeof(ffi_closure), number, code);
}

/* Many adders, number i at place i. */
struct many {
    int count;
    void **closure;
    adder **code;
};

static inline struct many make_many(int count)
{
    struct many many = {count, calloc((size_t)count, sizeof(void *)),
                        calloc((size_t)count, sizeof(adder *))};

    CHECK(many.closure && many.code, "memory for %d closures", count);
    for (int i = 0; i < count; i++)
        many.closure[i] = make(i, &many.code[i]);
    return many;
}

static inline void call_many(struct many many)
{
    for (int i = 0; i < many.count; i++)
        if (many.code[i])
            CHECK(many.code[i](7) == i + 7, "closure %d gives %d", i, many.code[i](7));
}

static inline void free_many(struct many many)
{
    for (int i = 0; i < many.count; i++)
        trampfd_closure_free(many.closure[i]);
    free(many.closure);
    free(many.code);
}

static inline struct trampfd_status status_now(void)
{
    struct trampfd_status status;

    trampfd_status_read(&status);
    return status;
}

/* /proc/self/maps, read without allocating memory; valid until the next call. */
static inline char *read_maps(void)
{
    static char text[4 << 20];
    size_t length = 0;
    ssize_t got;
    int fd = open("/proc/self/maps", O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0, "/proc/self/maps: %s", strerror(errno));
    while ((got = read(fd, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    CHECK(got == 0 && length < sizeof(text) - 1, "all of /proc/self/maps fits");
    text[length] = '\0';
    close(fd);
    return text;
}

struct mapping {
    uintptr_t start, end;
    char mode[5], device[16];
    unsigned long inode;
};

/* The next mapping of read_maps(); `*text` moves on.  0 at the end. */
static inline int next_mapping(char **text, struct mapping *mapping)
{
    char *line = *text;

    if (!*line)
        return 0;
    CHECK(sscanf(line, "%" SCNxPTR "-%" SCNxPTR " %4s %*s %15s %lu", &mapping->start, &mapping->end,
                 mapping->mode, mapping->device, &mapping->inode)
              == 5,
          "a line of /proc/self/maps");
    *text = strchr(line, '\n') + 1;
    return 1;
}

/* The allocators of sanitizers map memory as they like: only code is counted then. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static inline unsigned count_mappings(void)
{
    char *text = read_maps();
    struct mapping mapping;
    unsigned count = 0;

    while (next_mapping(&text, &mapping))
        count += !SANITIZED || mapping.mode[2] == 'x';
    return count;
}

/* The start of a file of /proc, as a string; nothing is allocated. */
static inline void read_start(const char *path, char *text, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length = fd < 0 ? -1 : read(fd, text, size - 1);

    CHECK(length > 0, "%s: %s", path, strerror(errno));
    text[length] = 0;
    close(fd);
}

/* Bytes. */
static inline size_t address_space(void)
{
    char text[100];

    read_start("/proc/self/statm", text, sizeof(text));
    return strtoul(text, NULL, 10) * (size_t)sysconf(_SC_PAGESIZE);
}

/* Bytes of memory that the process takes. Not of statm, where each thread's last changes may be
 * missing (proc_pid_statm(5)). */
static inline size_t resident(void)
{
    char text[200], *at;

    read_start("/proc/self/smaps_rollup", text, sizeof(text));
    at = strstr(text, "Rss:");
    CHECK(at, "no Rss in /proc/self/smaps_rollup: %s", text);
    return strtoul(at + strlen("Rss:"), NULL, 10) << 10;
}

static inline unsigned count_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    unsigned count = 0;

    CHECK(folder, "/proc/self/fd: %s", strerror(errno));
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

/*
 * No mapping is writable and executable, and nothing that is executable at one address
 * can be written through a shared mapping at another.
 */
static inline void check_w_xor_x(void)
{
    static struct mapping all[100000];
    char *text = read_maps();
    int count = 0;

    while (next_mapping(&text, &all[count]))
        CHECK(++count < 100000, "all mappings fit");
    for (int i = 0; i < count; i++) {
        const char *mode = all[i].mode;

        CHECK(mode[1] != 'w' || mode[2] != 'x', "%#" PRIxPTR " %s", all[i].start, mode);
        if (mode[2] != 'x' || !all[i].inode)
            continue;
        for (int j = 0; j < count; j++)
            CHECK(all[j].inode != all[i].inode || strcmp(all[j].device, all[i].device)
                      || all[j].mode[1] != 'w' || all[j].mode[3] != 's',
                  "%#" PRIxPTR " %s and %#" PRIxPTR " %s map one object", all[i].start, mode,
                  all[j].start, all[j].mode);
    }
}

/* For who damages what is in memory that cannot be written: the pages of so many bytes. */
static inline void make_writable(const void *place, size_t size)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE), start = (uintptr_t)place & -page;
    const uintptr_t end = (uintptr_t)place + size;

    CHECK(!mprotect((void *)start, end - start, PROT_READ | PROT_WRITE), "%s", strerror(errno));
}

/* How a child process ended; the test fails unless it did so by itself with status 0. */
static inline void wait_for_success(pid_t child, const char *what)
{
    int status;

    CHECK(child > 0, "%s: fork: %s", what, strerror(errno));
    CHECK(waitpid(child, &status, 0) == child, "%s: waitpid: %s", what, strerror(errno));
    CHECK(WIFEXITED(status) && WEXITSTATUS(status) == 0, "%s: child ended with status %#x", what,
          (unsigned)status);
}

#endif
