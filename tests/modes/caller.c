/* SPDX-License-Identifier: MIT */
/* A thread for the Python programs that is not Python's: it calls a callback as long as it can. */
#include <pthread.h>
#include <unistd.h>

static int (*volatile callback)(int);
static volatile int calls;

static void *call_for_ever(void *unused)
{
    for (;;) {
        callback(7);
        calls++;
    }
    return unused;
}

/* The process ends a little later, so that calls go on when Python has ended. */
__attribute__((destructor)) static void wait_a_little(void)
{
    if (callback)
        usleep(50000);
}

__attribute__((visibility("default"))) int start_to_call(int (*function)(int))
{
    pthread_t thread;

    callback = function;
    return pthread_create(&thread, NULL, call_for_ever, NULL);
}

__attribute__((visibility("default"))) int calls_so_far(void)
{
    return calls;
}
