/* SPDX-License-Identifier: MIT */
/*
 * A recursive or an error-checking mutex of pthreads(7) is not enough: if a signal arrives after
 * the mutex was taken and before its owner was stored, the handler would wait for its own thread.
 * Here a thread notes that it is inside before it takes the mutex, and that it is outside after it
 * released the mutex.
 *
 * In the child of a fork, handlers that were registered before this library was loaded run before
 * ours.  If one of them uses the library, the process id shows that this is a new child, and the
 * child is repaired then.
 */
#include "lock.h"

#include "fatal.h"

#include <errno.h>
#include <pthread.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static unsigned *_Atomic holder; /* the tfd_thread of the owner of the mutex */
atomic_int tfd_lock_is_ready;

static _Atomic uint64_t begun;
static _Atomic uint64_t under_way; /* forks whose handlers run */
static _Atomic pid_t process;      /* that began the latest fork */

TFD_THREAD_LOCAL unsigned tfd_thread;

static int is_in_unknown_child(void)
{
    return tfd_thread >= TFD_FORK && !(tfd_thread & TFD_WHOLE)
           && getpid() != atomic_load_explicit(&process, memory_order_relaxed);
}

/*
 * If another thread of the parent held the mutex, or was about to take or release it, the mutex is
 * released on its behalf, which wakes waiting threads.  If this thread holds it, because a signal
 * handler forks, it is kept.
 */
static void repair_child(void)
{
    unsigned *of = atomic_load_explicit(&holder, memory_order_relaxed);
    int torn = of && of != &tfd_thread;
    int is_own = !torn && (tfd_thread & TFD_HAS_MUTEX);

    atomic_store_explicit(&process, getpid(), memory_order_relaxed);
    if (!is_own)
        pthread_mutex_trylock(&mutex);
    for (void (*const *repair)(int) = tfd_repairs; *repair; repair++)
        (*repair)(torn);
    if (!is_own) {
        atomic_store_explicit(&holder, NULL, memory_order_relaxed);
        pthread_mutex_unlock(&mutex);
    }
}

int tfd_enter_elsewhere(void)
{
    if (tfd_thread & TFD_INSIDE)
        return -EDEADLK;
    if (is_in_unknown_child()) {
        repair_child();
        tfd_thread |= TFD_WHOLE;
    }
    tfd_thread |= TFD_INSIDE;
    atomic_signal_fence(memory_order_seq_cst);
    return 0;
}

void tfd_lock(void)
{
    if (tfd_lock_checked())
        tfd_fatal("called by a signal handler that interrupted trampfd itself", NULL);
}

void tfd_lock_among_threads(void)
{
    pthread_mutex_lock(&mutex);
    tfd_thread |= TFD_HAS_MUTEX;
    atomic_store_explicit(&holder, &tfd_thread, memory_order_relaxed);
    atomic_signal_fence(memory_order_seq_cst);
}

void tfd_unlock_among_threads(void)
{
    atomic_store_explicit(&holder, NULL, memory_order_release);
    tfd_thread &= ~TFD_HAS_MUTEX;
    pthread_mutex_unlock(&mutex);
}

/* In this order: a fork is under way before it counts as begun. */
static void prepare(void)
{
    atomic_store_explicit(&process, getpid(), memory_order_relaxed);
    atomic_fetch_add(&under_way, 1);
    atomic_fetch_add(&begun, 1);
    tfd_thread = (tfd_thread & ~TFD_WHOLE) + TFD_FORK;
}

/* The handlers may have been registered while a fork was under way. */
static void leave_fork(void)
{
    if (tfd_thread >= TFD_FORK)
        tfd_thread -= TFD_FORK;
}

static void in_parent(void)
{
    if (tfd_thread >= TFD_FORK)
        atomic_fetch_sub(&under_way, 1);
    leave_fork();
}

static void in_child(void)
{
    leave_fork();
    atomic_store(&under_way, tfd_thread / TFD_FORK); /* not the forks of other threads */
    if (!(tfd_thread & TFD_WHOLE))
        repair_child();
    tfd_thread &= ~TFD_WHOLE;
}

uint64_t tfd_forks_begun(void)
{
    return atomic_load(&begun);
}

uint64_t tfd_forks_over(void)
{
    uint64_t forks = atomic_load(&begun);

    return forks - atomic_load(&under_way);
}

/* Threads that get here at the same time may all register: the handlers may run several times. */
int tfd_lock_register(void)
{
    int error = pthread_atfork(prepare, in_parent, in_child);

    if (!error)
        atomic_store_explicit(&tfd_lock_is_ready, 1, memory_order_release);
    return error;
}
