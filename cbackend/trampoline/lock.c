/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "lock.h"

#include <pthread.h>
#include <stdatomic.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define SINGLE_THREADED __libc_single_threaded
#else
#define SINGLE_THREADED 0
#endif

static pthread_mutex_t lock = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int atfork_error;
static atomic_int ready;

/*
 * While there is one thread there is nobody to lock out.  `depth` tells whether the mutex was
 * taken, should the number of threads change in between; the owner alone writes it.
 */
static unsigned depth;

void tfd_lock(void)
{
    if (SINGLE_THREADED)
        return;
    pthread_mutex_lock(&lock);
    depth++;
}

void tfd_unlock(void)
{
    if (!depth)
        return;
    depth--;
    pthread_mutex_unlock(&lock);
}

/* A recursive mutex knows its owner by a thread id that the child does not have. */
static void after_fork_in_child(void)
{
    lock = (pthread_mutex_t)PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    depth = 0;
}

static void register_fork_handlers(void)
{
    atfork_error = pthread_atfork(tfd_lock, tfd_unlock, after_fork_in_child);
}

int tfd_lock_init(void)
{
    if (atomic_load_explicit(&ready, memory_order_acquire))
        return 0;
    pthread_once(&once, register_fork_handlers);
    atomic_store_explicit(&ready, !atfork_error, memory_order_release);
    return atfork_error;
}
