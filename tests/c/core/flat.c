/* SPDX-License-Identifier: MIT */
/* Many closures made, called and freed: the second half takes no more memory. */
#include "check.h"

#include <sys/prctl.h>

/*
 * The table of addresses of large closures grows in steps until it holds those that malloc(3) hands
 * out again and again.  To leak nothing but the record of each would be more than this.
 */
enum { GROWTH_MAX = 2 << 20 };

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
    const int count = scaled(1000000, 100000);
    size_t half, end;
    unsigned mappings;

    CHECK(!prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0), "no huge pages, which look like growth");
    rounds(0, count / 2);
    mappings = count_mappings();
    half = resident();
    rounds(count / 2, count);
    end = resident();
    CHECK(end < half + GROWTH_MAX, "%zu bytes after half of it, %zu at the end", half, end);
    CHECK(count_mappings() <= mappings, "%u mappings, before %u", count_mappings(), mappings);
    return 0;
}
