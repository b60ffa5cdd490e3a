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

/* Once before the first tfd_lock(): 0, or the errno of pthread_atfork(3). */
int tfd_lock_init(void);

void tfd_lock(void);
void tfd_unlock(void);

#endif
