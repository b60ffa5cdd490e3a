/* SPDX-License-Identifier: MIT */
/*
 * A program is started: posix_spawn(), vfork(), exec
 *
 * after 10,000 closures were made.  No descriptor of the library is open in it.
 *
 * Ways: posix_spawn; vfork; exec
 * Right: works
 */
#include "mode.h"

#include <spawn.h>

extern char **environ;

static void look(void)
{
    for (int fd = 3; fd < 1024; fd++)
        if (fcntl(fd, F_GETFD) != -1)
            wrong("descriptor %d is open in a program that was started", fd);
    _exit(0);
}

int main(int argc, char **argv)
{
    pid_t child = 0;

    if (getenv("MODE_AGAIN"))
        look();
    grow();
    if (way("exec"))
        start_over(argv);
    setenv("MODE_AGAIN", "1", 1);
    restore_library();
    if (way("posix_spawn")) {
        NEED(!posix_spawn(&child, "/proc/self/exe", NULL, NULL, argv, environ), "posix_spawn");
    } else {
        child = vfork();
        if (!child) {
            execve("/proc/self/exe", argv, environ);
            _exit(ABSENT);
        }
    }
    end_as(child);
    grow();
    return 0;
}
