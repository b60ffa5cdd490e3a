/* SPDX-License-Identifier: MIT */
/*
 * Another file takes the place of the library's
 *
 * by rename, before the first closure or between one table of closures and the next.
 *
 * Ways: before the first closure; before growth
 * Right: works
 */
#include "mode.h"

int main(int argc, char **argv)
{
    char other[4200];
    struct closure one;

    if (way("before growth"))
        one = make(1);
    snprintf(other, sizeof(other), "%s.new", library());
    write_other_file(other);
    NEED(!rename(other, library()), "rename");
    grow();
    if (way("before growth"))
        check(one);
    return 0;
}
