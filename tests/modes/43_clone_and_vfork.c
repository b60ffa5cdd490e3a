/* SPDX-License-Identifier: MIT */
/*
 * Children of clone() and vfork()
 *
 * which run no fork handlers.  That of clone() makes, calls and frees closures, and the parent's
 * are as before; that of vfork() calls them in its parent's memory.  PR_SET_MDWE is in force.
 *
 * Ways: clone; vfork
 * Right: works
 */
#include "policy.h"

int main(int argc, char **argv)
{
    struct closure *many;
    pid_t child;

    set_mdwe();
    many = make_many(5000);
    if (way("clone")) {
        child = (pid_t)syscall(SYS_clone, (long)SIGCHLD, 0L, 0L, 0L, 0L);
        if (!child) {
            for (int i = 0; i < 5000; i += 2)
                release(many[i]);
            for (int i = 0; i < 5000; i += 2)
                many[i] = make(i + 1000000);
            check_many(many, 5000);
            grow();
            _exit(0);
        }
    } else {
        child = vfork();
        if (!child)
            _exit(many[4999].code(1) == 5000 ? 0 : WRONG);
    }
    end_as(child);
    check_many(many, 5000);
    release_many(many, 5000);
    grow();
    return 0;
}
