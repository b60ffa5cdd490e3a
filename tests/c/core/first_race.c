/* SPDX-License-Identifier: MIT */
/*
 * Threads make the first closures of the process at the same moment, and look them up; the argument
 * says how often, each time in a new process, which forks in that very moment, too.
 */
#include "check.h"

#include <pthread.h>

enum { THREADS = 6, EACH = 40 };

static pthread_barrier_t start;
static adder *codes[THREADS * EACH];

static void *first(void *place)
{
    adder **mine = place;
    int number = (int)((mine - codes) / EACH) * 1000;
    struct trampfd_slot slot;

    pthread_barrier_wait(&start);
    CHECK(trampfd_slot_find((void *)place, &slot) == -ENOENT, "an address that is no slot");
    for (int i = 0; i < EACH; i++)
        make(number + i, &mine[i]);
    for (int i = 0; i < EACH; i++) {
        CHECK(mine[i](1) == number + i + 1, "closure %d", number + i);
        CHECK(!trampfd_slot_find((void *)mine[i], &slot), "closure %d", number + i);
    }
    return NULL;
}

static void check_unique(void)
{
    static char seen[TRAMPFD_BLOCK_SLOTS];
    struct trampfd_slot slot;

    for (int i = 0; i < THREADS * EACH; i++) {
        CHECK(!trampfd_slot_find((void *)codes[i], &slot), "closure %d", i);
        CHECK(!seen[slot.index]++, "slot %u is two closures", slot.index);
    }
    CHECK(status_now().slots_used == THREADS * EACH, "%zu slots", status_now().slots_used);
}

static void race(int with_fork)
{
    pthread_t threads[THREADS];

    CHECK(!pthread_barrier_init(&start, NULL, THREADS + 1), "pthread_barrier_init");
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_create(&threads[i], NULL, first, &codes[i * EACH]), "pthread_create");
    pthread_barrier_wait(&start);
    if (with_fork) {
        pid_t child = fork();

        if (child == 0) {
            adder *code;

            alarm(20); /* a deadlock */
            trampfd_closure_free(make(1, &code));
            _exit(0);
        }
        wait_for_success(child, "fork in the race");
    }
    for (int i = 0; i < THREADS; i++)
        CHECK(!pthread_join(threads[i], NULL), "pthread_join");
    check_unique();
}

int main(int argc, char **argv)
{
    int times = argc > 1 ? atoi(argv[1]) : 0;

    adder_cif(); /* which is prepared once, and not by several threads at the same moment */
    if (!times)
        race(0);
    for (int i = 0; i < times; i++) {
        pid_t child = fork();

        if (child == 0) {
            alarm(30);
            race(1);
            _exit(0);
        }
        wait_for_success(child, "race");
    }
    return 0;
}
