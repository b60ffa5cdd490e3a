/* SPDX-License-Identifier: MIT */
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "cffi_threads.h"

struct worker {
    pthread_t thread;
    sem_t asked, answered;
    int_fn function; /* NULL: stop */
    int value;       /* argument, then result */
};

static void *work(void *argument)
{
    struct worker *worker = argument;

    for (;;) {
        sem_wait(&worker->asked);
        if (!worker->function)
            return NULL;
        worker->value = worker->function(worker->value);
        sem_post(&worker->answered);
    }
}

struct worker *worker_start(void)
{
    struct worker *worker = calloc(1, sizeof(*worker));

    if (!worker)
        return NULL;
    sem_init(&worker->asked, 0, 0);
    sem_init(&worker->answered, 0, 0);
    if (pthread_create(&worker->thread, NULL, work, worker)) {
        free(worker);
        return NULL;
    }
    return worker;
}

int worker_call(struct worker *worker, int_fn f, int x)
{
    worker->function = f;
    worker->value = x;
    sem_post(&worker->asked);
    sem_wait(&worker->answered);
    return worker->value;
}

void worker_stop(struct worker *worker)
{
    worker->function = NULL;
    sem_post(&worker->asked);
    pthread_join(worker->thread, NULL);
    sem_destroy(&worker->asked);
    sem_destroy(&worker->answered);
    free(worker);
}

struct sum {
    pthread_t thread;
    int_fn function;
    int times;
    long total;
};

static void *sum_up(void *argument)
{
    struct sum *sum = argument;

    for (int i = 0; i < sum->times; i++)
        sum->total += sum->function(i);
    return NULL;
}

long threads_call(int_fn f, int threads, int times)
{
    struct sum *sums = calloc((size_t)threads, sizeof(*sums));
    long total = 0;
    int started = 0;

    while (sums && started < threads) {
        sums[started].function = f;
        sums[started].times = times;
        if (pthread_create(&sums[started].thread, NULL, sum_up, &sums[started]))
            break;
        started++;
    }
    for (int i = 0; i < started; i++) {
        pthread_join(sums[i].thread, NULL);
        total += sums[i].total;
    }
    free(sums);
    return started == threads ? total : -1;
}

int call_int(int_fn f, int x)
{
    return f(x);
}

static int_fn last_function;
static int last_argument;

static void call_last(void)
{
    printf("%d\n", last_function(last_argument));
}

void call_at_exit(int_fn f, int x)
{
    last_function = f;
    last_argument = x;
    atexit(call_last);
}
