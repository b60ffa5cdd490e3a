/* SPDX-License-Identifier: MIT */
/* Closures are made and freed whatever becomes of descriptors and limits, and stay sealed. */
#include "sealed.h"

#include <sys/resource.h>

static struct many live;

static void check(const char *what)
{
    struct many more = make_many(100);

    call_many(live);
    call_many(more);
    for (int i = 0; i < more.count; i++)
        CHECK(!can_be_written(record_of(more.code[i])), "%s", what);
    CHECK(can_be_written(more.closure), "%s: the test cannot tell", what);
    free_many(more);
}

static void close_all(void)
{
    for (int fd = 3; fd < 1024; fd++)
        close(fd);
}

/* Descriptors of a file of the program's take the numbers of those that were closed. */
static void check_file_of_the_program(void)
{
    char path[] = "/tmp/trampfd-sealed-XXXXXX", byte;
    int fd = mkstemp(path);

    CHECK(fd >= 0 && !unlink(path), "%s", strerror(errno));
    for (int number = 3; number < 512; number++)
        if (number != fd)
            dup2(fd, number);
    check("numbers taken");
    CHECK(pread(fd, &byte, 1, 0) == 0, "a record was written to the program's file");
    close_all();
}

static void check_no_more_descriptors(void)
{
    struct rlimit limit = {0, 0};

    close_all();
    CHECK(!setrlimit(RLIMIT_NOFILE, &limit), "%s", strerror(errno));
    check("no more descriptors");
}

int main(void)
{
    const struct rlimit none = {0, 1 << 30}, some = {1 << 30, 1 << 30};

    live = make_many(TRAMPFD_BLOCK_SLOTS + 1000);
    check("at first");
    close_all();
    check("all descriptors closed");
    check_file_of_the_program();
    CHECK(!setrlimit(RLIMIT_FSIZE, &none), "%s", strerror(errno));
    check("files have no size");
    CHECK(!setrlimit(RLIMIT_FSIZE, &some), "%s", strerror(errno));
    check("files may grow again");
    check_no_more_descriptors();
    free_many(live);
    return 0;
}
