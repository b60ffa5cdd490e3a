/* SPDX-License-Identifier: MIT */
/*
 * No descriptor is left (RLIMIT_NOFILE)
 *
 * at the first closure, or when new memory for closures is needed.  Closures are refused or made,
 * and made again when there are descriptors.
 *
 * Ways: at the first closure; at growth
 * Right: reported: Too many open files
 */
#include "mode.h"

#include <sys/resource.h>

int main(int argc, char **argv)
{
    struct rlimit limit = {64, 64};
    struct closure many[MANY], one;
    int taken[64], used = 0, count = 0;

    if (way("at growth"))
        one = make(1);
    NEED(!setrlimit(RLIMIT_NOFILE, &limit), "RLIMIT_NOFILE");
    while ((taken[used] = open("/dev/null", O_RDONLY)) >= 0)
        used++;
    while (count < MANY) {
        many[count] = try_sized(sizeof(ffi_closure), count);
        if (!many[count].writable)
            break;
        count++;
    }
    check_many(many, count);
    while (used)
        close(taken[--used]);
    grow();
    if (way("at growth"))
        check(one);
    if (count < MANY)
        reported("ffi_closure_alloc returned NULL");
    return 0;
}
