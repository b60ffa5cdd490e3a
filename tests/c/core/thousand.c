/* SPDX-License-Identifier: MIT */
/*
 * A thousand closures made, called and freed.  Between the two lines "begin" and "end" on standard
 * output the process makes no system call.
 */
#include "check.h"

int main(void)
{
    struct many many = make_many(1); /* the first one registers the fork handlers */
    static void *closures[1000];
    static adder *codes[1000];

    CHECK(write(STDOUT_FILENO, "begin\n", 6) == 6, "%s", strerror(errno));
    for (int i = 0; i < 1000; i++)
        closures[i] = make(i, &codes[i]);
    for (int i = 0; i < 1000; i++)
        if (codes[i](1) != i + 1)
            return 1;
    for (int i = 0; i < 1000; i++)
        trampfd_closure_free(closures[i]);
    CHECK(write(STDOUT_FILENO, "end\n", 4) == 4, "%s", strerror(errno));
    free_many(many);
    return 0;
}
