/* SPDX-License-Identifier: MIT */
/* Threads of the programs that need some. */
#ifndef THREADS_H
#define THREADS_H

#include "mode.h"

#include <pthread.h>

SHARED pthread_t start(void *(*function)(void *), void *argument)
{
    pthread_t thread;

    NEED(!pthread_create(&thread, NULL, function, argument), "a thread");
    return thread;
}

SHARED void join(pthread_t thread)
{
    NEED(!pthread_join(thread, NULL), "the end of a thread");
}

/* What other threads are to go on doing until it is set. */
static volatile int stop;

/* Makes and frees closures until `stop`. */
SHARED void *churn(void *unused)
{
    while (!stop) {
        struct closure some[50];

        for (int i = 0; i < 50; i++)
            some[i] = make(i);
        check_many(some, 50);
        for (int i = 0; i < 50; i++)
            release(some[i]);
    }
    return unused;
}

#endif
