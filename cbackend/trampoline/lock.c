/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lock.h"

#include <pthread.h>

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int atfork_error;

void tfd_lock(void)
{
    pthread_mutex_lock(&lock);
}

void tfd_unlock(void)
{
    pthread_mutex_unlock(&lock);
}

/* A recursive mutex knows its owner by a thread id that the child does not have. */
static void after_fork_in_child(void)
{
    lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
}

static void register_fork_handlers(void)
{
    atfork_error = pthread_atfork(tfd_lock, tfd_unlock, after_fork_in_child);
}

int tfd_lock_init(void)
{
    pthread_once(&once, register_fork_handlers);
    return atfork_error;
}
