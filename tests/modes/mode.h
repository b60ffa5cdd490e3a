/* SPDX-License-Identifier: MIT */
/*
 * What the programs of this folder share.  They know libffi's interface only, so that any libffi
 * can be put under them.  A program ends with 0 where all is right, by wrong(), reported() or
 * absent(), or it crashes or hangs; its first line of output says more.  tests/support/modes.py
 * starts it, with the way that is asked for as its argument, and
 *
 *   MODE_LIBRARY  the file of the library that is tested; a copy that the program may remove
 *   MODE_OTHER    the file of a stock libffi
 */
#ifndef MODE_H
#define MODE_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif

#include <errno.h>
#include <fcntl.h>
#include <ffi.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a program calls once; not every program calls every one. */
#define SHARED __attribute__((unused)) static

/* More closures than two blocks of trampfd and twenty tables of libffi have. */
#define MANY 10000

enum { WRONG = 1, REPORTED = 3, ABSENT = 77 };

__attribute__((format(printf, 2, 3), noreturn)) SHARED void end(int status, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vprintf(format, arguments);
    va_end(arguments);
    putchar('\n');
    fflush(stdout);
    _exit(status);
}

/* The library did something else than it should. */
#define wrong(...) end(WRONG, __VA_ARGS__)
/* The library refused, by the means that its interface has for it. */
#define reported(...) end(REPORTED, __VA_ARGS__)
/* The machine does not have what the program needs. */
#define absent(...) end(ABSENT, __VA_ARGS__)

#define EXPECT(condition, ...)                                                                     \
    do {                                                                                           \
        if (!(condition))                                                                          \
            wrong(__VA_ARGS__);                                                                    \
    } while (0)

/* For what is no question put to the library. */
#define NEED(condition, what)                                                                      \
    do {                                                                                           \
        if (!(condition))                                                                          \
            absent("%s: %s", what, strerror(errno));                                               \
    } while (0)

/* Whether the program was started to go this way. */
#define way(name) (argc > 1 && !strcmp(argv[1], name))

/* A closure that adds a number of its own to its argument. */
typedef int adder(int);

struct closure {
    ffi_closure *writable;
    adder *code;
    int number;
};

SHARED void add(ffi_cif *cif, void *result, void **arguments, void *data)
{
    (void)cif;
    *(ffi_arg *)result = (ffi_arg)(*(int *)arguments[0] + (int)(intptr_t)data);
}

SHARED ffi_cif *adder_cif(void)
{
    static ffi_type *types[] = {&ffi_type_sint};
    static ffi_cif cif;

    if (!cif.nargs && ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, types) != FFI_OK)
        wrong("ffi_prep_cif failed");
    return &cif;
}

/* The cif before any thread asks for it. */
__attribute__((constructor)) SHARED void first_cif(void)
{
    adder_cif();
}

/* Its `writable` is NULL where libffi's is. */
SHARED struct closure try_sized(size_t size, int number)
{
    struct closure one = {NULL, NULL, number};

    one.writable = (ffi_closure *)ffi_closure_alloc(size, (void **)&one.code);
    if (one.writable
        && ffi_prep_closure_loc(one.writable, adder_cif(), add, (void *)(intptr_t)number,
                                (void *)one.code)
               != FFI_OK)
        wrong("ffi_prep_closure_loc failed");
    return one;
}

SHARED struct closure make(int number)
{
    struct closure one = try_sized(sizeof(ffi_closure), number);

    if (!one.writable)
        reported("ffi_closure_alloc returned NULL");
    return one;
}

SHARED void check(struct closure one)
{
    int got = one.code(7);

    EXPECT(got == 7 + one.number, "a closure returned %d instead of %d", got, 7 + one.number);
}

SHARED void release(struct closure one)
{
    ffi_closure_free(one.writable);
}

SHARED struct closure *make_many(int count)
{
    struct closure *many = (struct closure *)calloc((size_t)count, sizeof(*many));

    NEED(many, "memory for the program");
    for (int i = 0; i < count; i++)
        many[i] = make(i);
    return many;
}

SHARED void check_many(const struct closure *many, int count)
{
    for (int i = 0; i < count; i++)
        check(many[i]);
}

SHARED void release_many(struct closure *many, int count)
{
    for (int i = 0; i < count; i++)
        release(many[i]);
    free(many);
}

/* Enough closures for new memory to be needed, all of which work. */
SHARED void grow(void)
{
    struct closure *many = make_many(MANY);

    check_many(many, MANY);
    release_many(many, MANY);
}

SHARED const char *library(void)
{
    return getenv("MODE_LIBRARY");
}

SHARED void write_file(const char *path, const void *data, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

    NEED(fd >= 0 && write(fd, data, size) == (ssize_t)size, path);
    close(fd);
}

/* A file, as long as a library and of nothing but 0xcc, which is no code that ends well. */
SHARED void write_other_file(const char *path)
{
    static char data[1 << 20];

    memset(data, 0xcc, sizeof(data));
    write_file(path, data, sizeof(data));
}

/* What use_up.c takes away for a library's last resort is put back, for programs to be started. */
SHARED void restore_library(void)
{
    char kept[4200];

    snprintf(kept, sizeof(kept), "%s.kept", library());
    if (access(library(), F_OK))
        (void)!link(kept, library());
}

/* The program starts over in this process; returns in the second run. */
SHARED void start_over(char **argv)
{
    if (getenv("MODE_AGAIN"))
        return;
    setenv("MODE_AGAIN", "1", 1);
    restore_library();
    execv("/proc/self/exe", argv);
    absent("execv: %s", strerror(errno));
}

/* This process ends as its child did. */
SHARED void end_as(pid_t child)
{
    int status;

    NEED(child > 0 && waitpid(child, &status, 0) == child, "a child process");
    if (WIFSIGNALED(status)) {
        printf("in the child\n");
        fflush(stdout);
        kill(getpid(), WTERMSIG(status));
    }
    if (WEXITSTATUS(status))
        _exit(WEXITSTATUS(status));
}

#endif
