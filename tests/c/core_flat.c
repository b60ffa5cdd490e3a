/* SPDX-License-Identifier: MIT */
/* A million closures made, called and freed: the second half takes no memory that the first did not. */
#include "core_check.h"

enum { ROUNDS = 1000000, GROWTH_MAX = 256 << 10 };

static long resident(void)
{
    char text[100] = "";
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    CHECK(fd >= 0 && read(fd, text, sizeof(text) - 1) > 0, "/proc/self/statm: %s", strerror(errno));
    close(fd);
    return strtol(strchr(text, ' '), NULL, 10) * sysconf(_SC_PAGESIZE);
}

static void rounds(int from, int to)
{
    static void *closures[5000];
    static adder *codes[5000];

    for (int i = from; i < to; i++) {
        int place = i % 5000;
        size_t size = sizeof(ffi_closure);

        trampfd_closure_free_named(closures[place], "flat");
        if (i % 10 == 0)
            size += (size_t)i % 1000;
        closures[place] = make_sized(size, i, &codes[place]);
        CHECK(codes[place](1) == i + 1, "closure %d", i);
    }
}

int main(void)
{
    long half, end;
    unsigned mappings;

    rounds(0, ROUNDS / 2);
    mappings = count_mappings();
    half = resident();
    rounds(ROUNDS / 2, ROUNDS);
    end = resident();
    CHECK(end - half < GROWTH_MAX, "%ld bytes after half of it, %ld at the end", half, end);
    CHECK(count_mappings() <= mappings, "%u mappings, before %u", count_mappings(), mappings);
    return 0;
}
