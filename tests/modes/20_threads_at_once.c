/* SPDX-License-Identifier: MIT */
/*
 * Threads are at it at once
 *
 * Eight make the first closure of the process; or one makes closures, which are handed without a
 * barrier to another that calls them, and finds them whole.
 *
 * Ways: the first closure; handed over
 * Right: works
 */
#include "threads.h"

#include <stdatomic.h>

static pthread_barrier_t barrier;

static void *make_first(void *number)
{
    pthread_barrier_wait(&barrier);
    check(make((int)(intptr_t)number));
    return NULL;
}

/* In a process that has none. */
static void race_for_first(void)
{
    pthread_t thread[8];

    pthread_barrier_init(&barrier, NULL, 8);
    for (int i = 0; i < 8; i++)
        thread[i] = start(make_first, (void *)(intptr_t)i);
    for (int i = 0; i < 8; i++)
        join(thread[i]);
}

static struct closure *volatile handed_over;

static void *call_what_is_handed_over(void *unused)
{
    struct closure *one;

    while (!stop) {
        one = handed_over;
        if (!one)
            continue;
        check(*one);
        handed_over = NULL;
    }
    return unused;
}

static void hand_over(void)
{
    pthread_t thread = start(call_what_is_handed_over, NULL);

    for (int i = 0; i < 5000; i++) {
        struct closure one = make(i);

        atomic_signal_fence(memory_order_seq_cst); /* of the compiler: `one` is stored before */
        handed_over = &one;
        while (handed_over)
            ;
        release(one);
    }
    stop = 1;
    join(thread);
}

int main(int argc, char **argv)
{
    if (way("handed over")) {
        hand_over();
        return 0;
    }
    for (int i = 0; i < 100; i++) {
        pid_t child = fork();

        if (!child) {
            race_for_first();
            _exit(0);
        }
        end_as(child);
    }
    return 0;
}
