/* SPDX-License-Identifier: MIT */
/*
 * The library's one lock: of the pool and of the cache of plans.  Calls of closures never
 * take it.
 *
 * It is held over fork(2), so a child finds it free and everything whole that it guards; it
 * is recursive, because another library's fork handler may make a closure while it is held,
 * and because freeing a closure holds it around smaller steps.
 */
#ifndef TFD_LOCK_H
#define TFD_LOCK_H

#include <stdint.h>

#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#define TFD_SINGLE_THREADED __libc_single_threaded
#else
#define TFD_SINGLE_THREADED 0
#endif

/* Once before the first tfd_lock(): 0, or the errno of pthread_atfork(3). */
int tfd_lock_init(void);

/* Forks that this process and those that it comes from have begun; the lock guards it. */
extern uint64_t tfd_forks;

/*
 * Not 0 from our handler before a fork to our handler after it, in both processes.  Handlers that
 * were registered before ours run meanwhile, and may be in either.
 */
extern int tfd_forking;

/* Run in the child of a fork while the lock is held, by its one thread; NULL: nothing to do. */
extern void (*tfd_in_child)(void);

/* The lock with the mutex, whatever the number of threads is. */
void tfd_lock_among_threads(void);
void tfd_unlock_among_threads(void);

/*
 * While there is one thread there is nobody to lock out.  The depth tells whether the mutex
 * was taken, should the number of threads change in between; the owner alone writes it.
 */
extern unsigned tfd_lock_depth;

static inline void tfd_lock(void)
{
    if (!TFD_SINGLE_THREADED)
        tfd_lock_among_threads();
}

static inline void tfd_unlock(void)
{
    if (tfd_lock_depth)
        tfd_unlock_among_threads();
}

#endif
