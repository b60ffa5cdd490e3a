/* SPDX-License-Identifier: MIT */
/*
 * Pages of 16 or 64 KiB
 *
 * as far as a machine with pages of 4 KiB can show it: the library is told that size.  Closures
 * work, and do not need memory that is writable and executable for it.
 *
 * Ways: 16 KiB; 64 KiB
 * Right: works
 */
#include "maps.h"

#include <dlfcn.h>

static long claimed;

/* In front of the C library's, for all that the program loads. */
__attribute__((visibility("default"))) long sysconf(int name)
{
    static long (*real)(int);

    if (name == _SC_PAGESIZE && claimed)
        return claimed;
    if (!real)
        real = (long (*)(int))dlsym(RTLD_NEXT, "sysconf");
    return real(name);
}

__attribute__((visibility("default"))) int getpagesize(void)
{
    return (int)sysconf(_SC_PAGESIZE);
}

int main(int argc, char **argv)
{
    const char *found;

    claimed = way("16 KiB") ? 16384 : 65536;
    check_many(make_many(MANY), MANY);
    found = find_wx();
    EXPECT(!found, "%s", found);
    return 0;
}
