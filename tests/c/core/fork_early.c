/* SPDX-License-Identifier: MIT */
/*
 * A thread asks for the status and probes for ways, before there is any closure, while the process
 * forks.  The child can make closures.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int stop;

static void *ask(void *unused)
{
    struct trampfd_trail trail;

    (void)unused;
    while (!atomic_load(&stop)) {
        status_now();
        trampfd_probe(&trail);
    }
    return NULL;
}

int main(void)
{
    pthread_t thread;

    CHECK(!pthread_create(&thread, NULL, ask, NULL), "pthread_create");
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();

        if (child == 0) {
            struct many many;

            alarm(20); /* a deadlock */
            many = make_many(10);
            call_many(many);
            free_many(many);
            _exit(0);
        }
        wait_for_success(child, "fork");
    }
    atomic_store(&stop, 1);
    CHECK(!pthread_join(thread, NULL), "pthread_join");
    return 0;
}
