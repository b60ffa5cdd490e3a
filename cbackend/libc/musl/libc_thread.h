/* SPDX-License-Identifier: MIT */
/* What threads need of musl; libc/glibc has the same for the GNU C library. */
#ifndef TFD_LIBC_THREAD_H
#define TFD_LIBC_THREAD_H

/*
 * musl loads no object late that has variables of a thread at a fixed distance from the thread
 * pointer.  The function that finds them elsewhere may be called by signal handlers: it allocates
 * nothing, because musl has allocated them for all threads when it loaded the object.
 */
#define TFD_THREAD_LOCAL _Thread_local

/* musl does not tell. */
static inline int tfd_is_single_threaded(void)
{
    return 0;
}

#endif
