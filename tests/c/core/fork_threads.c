/* SPDX-License-Identifier: MIT */
/*
 * Threads make, call and free closures, and make the pool grow and shrink, while the process forks
 * often.  Each child makes, calls and frees closures, and every tenth more than are built in.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

enum { SECONDS = 30, THREADS = 3 };

static atomic_int stop;

static void round_of(int count)
{
    struct many many = make_many(count);

    call_many(many);
    free_many(many);
}

static void *work(void *number)
{
    for (int round = 0; !atomic_load(&stop); round++)
        round_of(round % 50 == 49 ? scaled(3, 1) * TRAMPFD_BLOCK_SLOTS
                                  : 10 + (int)(intptr_t)number);
    return NULL;
}

static void in_child(int number)
{
    alarm(scaled(60, 600)); /* a deadlock */
    round_of(number % 10 ? 100 : TRAMPFD_BLOCK_SLOTS + 100);
    _exit(0);
}

int main(void)
{
    pthread_t threads[THREADS];
    time_t end = time(NULL) + SECONDS;
    const int forks_max = scaled(2000, 20), forks_min = scaled(200, 10);
    int forks;

    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, work, (void *)(intptr_t)i), "pthread_create");
    for (forks = 0; forks < forks_max && (forks < forks_min || time(NULL) < end); forks++) {
        pid_t child = fork();

        if (child == 0)
            in_child(forks);
        wait_for_success(child, "fork");
    }
    atomic_store(&stop, 1);
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL), "pthread_join");
    CHECK(status_now().slots_used == 0, "%zu closures are left", status_now().slots_used);
    printf("%d forks\n", forks);
    return 0;
}
