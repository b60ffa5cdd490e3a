/* SPDX-License-Identifier: MIT */
/*
 * A recursive mutex of pthreads(7) would know its owner by a thread id, which the child of a
 * fork does not have; pthread_self() is the same in both.
 */
#include "lock.h"

#include <pthread.h>
#include <stdatomic.h>

#define NOBODY ((pthread_t)0)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static _Atomic(pthread_t) owner; /* only a thread itself can find itself here */
static atomic_int registered;

unsigned tfd_lock_depth;
uint64_t tfd_forks;
int tfd_forking;
void (*tfd_in_child)(void);

void tfd_lock_among_threads(void)
{
    pthread_t self = pthread_self();

    if (atomic_load_explicit(&owner, memory_order_relaxed) != self) {
        pthread_mutex_lock(&mutex);
        atomic_store_explicit(&owner, self, memory_order_relaxed);
    }
    tfd_lock_depth++;
}

void tfd_unlock_among_threads(void)
{
    if (--tfd_lock_depth)
        return;
    atomic_store_explicit(&owner, NOBODY, memory_order_relaxed);
    pthread_mutex_unlock(&mutex);
}

static void prepare(void)
{
    tfd_lock();
    tfd_forks++;
    tfd_forking = 1;
}

static void in_parent(void)
{
    tfd_forking = 0;
    tfd_unlock();
}

static void in_child(void)
{
    tfd_forking = 0;
    if (tfd_in_child)
        tfd_in_child();
    tfd_unlock();
}

/* Threads that get here at once may all register: the lock is recursive. */
int tfd_lock_init(void)
{
    int error = 0;

    if (!atomic_load_explicit(&registered, memory_order_acquire)) {
        error = pthread_atfork(prepare, in_parent, in_child);
        if (!error)
            atomic_store_explicit(&registered, 1, memory_order_release);
    }
    return error;
}

/*
 * Before anybody can use the lock: a fork that is under way while handlers are registered
 * does not run them.  If it fails, the first allocation tries again and reports it.
 */
__attribute__((constructor)) static void register_when_loaded(void)
{
    tfd_lock_init();
}
