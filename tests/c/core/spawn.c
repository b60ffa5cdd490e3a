/* SPDX-License-Identifier: MIT */
/*
 * While a thread makes blocks come and go, programs started by vfork(2) and by posix_spawn(3) find
 * no descriptor of ours open.
 */
#include "check.h"

#include <pthread.h>
#include <spawn.h>
#include <stdatomic.h>

static atomic_int stop;

static void *grow_and_shrink(void *unused)
{
    (void)unused;
    while (!atomic_load(&stop))
        free_many(make_many(4 * TRAMPFD_BLOCK_SLOTS));
    return NULL;
}

/* The program that is started. */
static int find_descriptors(void)
{
    for (int fd = 3; fd < 1000; fd++)
        if (fcntl(fd, F_GETFD) >= 0)
            return 5;
    return 0;
}

static pid_t start_by_vfork(char **command)
{
    pid_t child = vfork();

    if (child == 0) {
        execv("/proc/self/exe", command);
        _exit(6);
    }
    return child;
}

static pid_t start_by_spawn(char **command)
{
    static char *environment[] = {NULL};
    pid_t child = -1;

    errno = posix_spawn(&child, "/proc/self/exe", NULL, NULL, command, environment);
    return child;
}

int main(int argc, char **argv)
{
    char *command[] = {argv[0], "child", NULL};
    pthread_t thread;

    if (argc > 1)
        return find_descriptors();
    for (int fd = 3; fd < 1000; fd++)
        close(fd);
    CHECK(!pthread_create(&thread, NULL, grow_and_shrink, NULL), "pthread_create");
    for (int i = scaled(200, 10); i; i--) {
        wait_for_success(start_by_vfork(command), "vfork");
        wait_for_success(start_by_spawn(command), "posix_spawn");
    }
    atomic_store(&stop, 1);
    CHECK(!pthread_join(thread, NULL), "pthread_join");
    return 0;
}
