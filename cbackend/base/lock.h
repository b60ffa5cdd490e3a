/* SPDX-License-Identifier: MIT */
/*
 * The library's one lock: of the pool, of the cache of plans and of what providers write.  Calls of
 * closures never take it.
 *
 * It is not recursive.  A thread that is inside already and comes again can only be a signal
 * handler that interrupted the library in the middle of a change: it is refused.
 *
 * It is not held over fork(2): handlers of other libraries run between ours and the fork, and may
 * wait for threads that need it.  So a child may find that a thread which it does not have was
 * inside.  Whoever keeps something under this lock has a function that makes it whole again (see
 * below), and changes it so that this is possible at each store.
 */
#ifndef TFD_LOCK_H
#define TFD_LOCK_H

#include <stdatomic.h>
#include <stdint.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define TFD_SINGLE_THREADED __libc_single_threaded
#else
#define TFD_SINGLE_THREADED 0
#endif

/*
 * Once before the first tfd_lock(), and before anybody can use it: a fork that is under way while
 * its handlers are registered does not run them.  0, or the errno of pthread_atfork(3).
 */
int tfd_lock_init(void);

/*
 * Where the calling thread is, as bits: 0 unless it is inside, or in the handlers of a fork.  A
 * signal handler may read it anywhere, so it is reached without a call.
 */
extern _Thread_local unsigned tfd_thread __attribute__((tls_model("initial-exec")));

#define TFD_INSIDE 1u    /* between tfd_lock() and tfd_unlock() */
#define TFD_HAS_MUTEX 2u /* inside with the mutex: there were other threads */
#define TFD_WHOLE 4u     /* in a child that was made whole before the turn of our handler */
#define TFD_FORK 8u      /* as many times as forks are under way whose handlers this thread runs */

/* The rest of the functions below, where there is more to do than to set a bit. */
int tfd_lock_elsewhere(void);
void tfd_lock_among_threads(void);
void tfd_unlock_among_threads(void);

/* 0, or -EDEADLK when the thread is inside: nothing is locked then. */
static inline int tfd_lock_checked(void)
{
    if (__builtin_expect(tfd_thread != 0, 0))
        return tfd_lock_elsewhere();
    tfd_thread = TFD_INSIDE;
    atomic_signal_fence(memory_order_seq_cst);
    /* While there is one thread there is nobody else to lock out. */
    if (!TFD_SINGLE_THREADED)
        tfd_lock_among_threads();
    return 0;
}

/* The same where there is no way to refuse: ends the process with a message. */
void tfd_lock(void);

static inline void tfd_unlock(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (tfd_thread & TFD_HAS_MUTEX)
        tfd_unlock_among_threads();
    tfd_thread &= ~TFD_INSIDE;
}

/*
 * Forks that this process and those that it comes from have begun; and a number of forks that were
 * over for sure: what is made after asking is not shared with a child of these.
 */
uint64_t tfd_forks_begun(void);
uint64_t tfd_forks_over(void);

/*
 * Of those who keep something under the lock, ended by NULL; in init.c.  Each is run in the child
 * of a fork, by its one thread, before anything else is done there under the lock.  `torn`: another
 * thread of the parent was inside.
 */
extern void (*const tfd_repairs[])(int torn);

#endif
