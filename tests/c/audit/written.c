/* SPDX-License-Identifier: MIT */
/*
 * Map memory executable in each of the ways named by the arguments, print the address of each, and
 * wait for the end of standard input. Exit status 77 where the kernel refuses it.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <unistd.h>

#define SIZE 0x40000

static void check(int ok, const char *what)
{
    if (!ok)
        err(errno == EACCES || errno == EPERM ? 77 : 1, "%s", what);
}

static char *map(int protection, int flags, int fd)
{
    void *memory = mmap(NULL, SIZE, protection, flags, fd, 0);

    check(memory != MAP_FAILED, "mmap");
    return memory;
}

static void make_executable(void *memory, size_t size)
{
    check(mprotect(memory, size, PROT_READ | PROT_EXEC) == 0, "mprotect");
}

/* Write to the first page and make all of it executable. */
static void *written(int flags)
{
    char *memory = map(PROT_READ | PROT_WRITE, flags, -1);

    memory[0] = 1;
    make_executable(memory, SIZE);
    return memory;
}

static int new_memfd(void)
{
    int fd = memfd_create("audit", MFD_CLOEXEC);

    check(fd >= 0 && ftruncate(fd, SIZE) == 0, "memfd_create");
    return fd;
}

/* A page of this program's code, changed and executable again. */
static void *patched(void)
{
    uintptr_t page = (uintptr_t)&patched & -(uintptr_t)getpagesize();
    volatile char *first = (volatile char *)page;

    /* Executable throughout: it is the page that runs. */
    check(mprotect((void *)page, getpagesize(), PROT_READ | PROT_WRITE | PROT_EXEC) == 0,
          "mprotect");
    *first = *first;
    make_executable((void *)page, getpagesize());
    return (void *)page;
}

/* Memory of a memfd that was written through another mapping, which is gone. */
static void *memfd(void)
{
    int fd = new_memfd();
    char *memory = map(PROT_READ | PROT_WRITE, MAP_SHARED, fd);

    memory[0] = 1;
    munmap(memory, SIZE);
    memory = map(PROT_READ | PROT_EXEC, MAP_SHARED, fd);
    close(fd);
    return *(volatile char *)memory ? memory : NULL;
}

static void *library(const char *path)
{
    void *handle = dlopen(path, RTLD_NOW);

    if (!handle)
        errx(strstr(dlerror(), "permi") ? 77 : 1, "cannot load %s", path);
    return dlsym(handle, "audited");
}

/* A library loaded from a memfd. */
static void *library_in_memory(const char *path)
{
    int from = open(path, O_RDONLY | O_CLOEXEC);
    int to = new_memfd();
    char name[64];

    check(from >= 0 && sendfile(to, from, NULL, SIZE) > 0, path);
    snprintf(name, sizeof(name), "/proc/self/fd/%d", to);
    return library(name);
}

static void *make(const char *way)
{
    const char *path = strchr(way, '=');

    if (!strcmp(way, "private"))
        return written(MAP_PRIVATE | MAP_ANONYMOUS);
    if (!strcmp(way, "shared"))
        return written(MAP_SHARED | MAP_ANONYMOUS);
    if (!strcmp(way, "unwritten"))
        return map(PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1);
    if (!strcmp(way, "unwritten-memfd"))
        return map(PROT_READ | PROT_EXEC, MAP_PRIVATE, new_memfd());
    if (!strcmp(way, "memfd"))
        return memfd();
    if (!strcmp(way, "patched"))
        return patched();
    if (!strncmp(way, "library=", 8))
        return library(path + 1);
    if (!strncmp(way, "library-in-memory=", 18))
        return library_in_memory(path + 1);
    errx(1, "%s?", way);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        void *memory = make(argv[i]);

        if (!memory)
            errx(1, "%s", argv[i]);
        printf("%#zx ", (size_t)memory);
    }
    puts("");
    fflush(stdout);
    while (getchar() != EOF)
        ;
    return 0;
}
