/* SPDX-License-Identifier: MIT */
/*
 * The library's one lock: of the pool, of the cache of plans and of what providers write.  Calls of
 * closures never take it, and threads seldom do that make and free closures: see slot/magazine.h.
 *
 * It is not recursive.  If a thread that is inside takes it again, that can only be a signal
 * handler which interrupted the library during a change: it is refused.  So a thread also enters,
 * without the lock, where it changes what is its own.
 *
 * It is not held during fork(2): handlers of other libraries run between ours and the fork, and may
 * wait for threads that need the lock.  So the fork may happen while another thread, which does not
 * exist in the child, is inside.  Each file that keeps data under this lock has a function that
 * repairs the data in the child (see below), and changes the data so that this is possible after
 * each store.
 */
#ifndef TFD_LOCK_H
#define TFD_LOCK_H

#include "libc_thread.h"

#include <stdatomic.h>
#include <stdint.h>

/* The handlers of forks are registered. */
extern atomic_int tfd_lock_is_ready;

int tfd_lock_register(void);

/*
 * Must be called before the first tfd_lock(), and before other threads can use it: a fork that is
 * in progress while its handlers are registered does not run them.  0, or the errno of
 * pthread_atfork(3).
 */
static inline int tfd_lock_init(void)
{
    if (__builtin_expect(atomic_load_explicit(&tfd_lock_is_ready, memory_order_acquire), 1))
        return 0;
    return tfd_lock_register();
}

/*
 * The state of the calling thread, as bits: 0 unless it is inside, or in the handlers of a fork.  A
 * signal handler may read it anywhere, so it is accessed without a call.
 */
extern TFD_THREAD_LOCAL unsigned tfd_thread;

#define TFD_INSIDE 1u    /* between tfd_enter() or tfd_lock() and tfd_leave() or tfd_unlock() */
#define TFD_HAS_MUTEX 2u /* inside with the mutex: there were other threads */
#define TFD_WHOLE 4u     /* in a child that was repaired before our handler ran */
#define TFD_FORK 8u      /* once for each fork in progress whose handlers this thread runs */

/* The slow paths of the functions below, if setting a bit is not enough. */
int tfd_enter_elsewhere(void);
void tfd_lock_among_threads(void);
void tfd_unlock_among_threads(void);

/*
 * Enter without the lock, for what no other thread changes.  Returns 0, or -EDEADLK if the thread
 * is already inside.
 */
static inline int tfd_enter(void)
{
    if (__builtin_expect(tfd_thread != 0, 0))
        return tfd_enter_elsewhere();
    tfd_thread = TFD_INSIDE;
    atomic_signal_fence(memory_order_seq_cst);
    return 0;
}

static inline void tfd_leave(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    tfd_thread &= ~TFD_INSIDE;
}

/*
 * Take the lock, and release it, while inside.  With a single thread there is nothing to lock out.
 */
static inline void tfd_lock_inside(void)
{
    if (!tfd_is_single_threaded())
        tfd_lock_among_threads();
}

static inline void tfd_unlock_inside(void)
{
    atomic_signal_fence(memory_order_seq_cst);
    if (tfd_thread & TFD_HAS_MUTEX)
        tfd_unlock_among_threads();
}

/* Both in one: returns 0, or -EDEADLK without locking if the thread is already inside. */
static inline int tfd_lock_checked(void)
{
    int error = tfd_enter();

    if (!error)
        tfd_lock_inside();
    return error;
}

/* The same for functions that cannot fail: ends the process with a message. */
void tfd_lock(void);

static inline void tfd_unlock(void)
{
    tfd_unlock_inside();
    tfd_leave();
}

/*
 * The number of forks that this process and its ancestors have begun; and a number of forks that
 * were certainly over: anything made after the call is not shared with a child of these.
 */
uint64_t tfd_forks_begun(void);
uint64_t tfd_forks_over(void);

/*
 * The repair functions, ended by NULL; in init.c.  In the child of a fork, its only thread runs
 * each of them before anything else happens under the lock.  `torn`: another thread of the parent
 * was inside.
 */
extern void (*const tfd_repairs[])(int torn);

#endif
