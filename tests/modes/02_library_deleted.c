/* SPDX-License-Identifier: MIT */
/*
 * The library's file is deleted
 *
 * before the first closure or between one table of closures and the next.
 *
 * Ways: before the first closure; before growth
 * Right: works
 */
#include "mode.h"

int main(int argc, char **argv)
{
    struct closure one;

    if (way("before growth"))
        one = make(1);
    NEED(!unlink(library()) || errno == ENOENT, "unlink");
    grow();
    if (way("before growth"))
        check(one);
    return 0;
}
