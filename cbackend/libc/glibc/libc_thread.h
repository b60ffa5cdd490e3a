/* SPDX-License-Identifier: MIT */
/* What threads need of the GNU C library; libc/musl has the same for musl. */
#ifndef TFD_LIBC_THREAD_H
#define TFD_LIBC_THREAD_H

/*
 * For variables of a thread that are read at each call, and in signal handlers: no function has to
 * find them.  glibc keeps room for those of objects that are loaded late.
 */
#define TFD_THREAD_LOCAL _Thread_local __attribute__((tls_model("initial-exec")))

/* glibc stores 0 in it before the first thread starts.  It is new in 2.32; NULL in older ones. */
extern char __libc_single_threaded __attribute__((weak));

static inline int tfd_is_single_threaded(void)
{
    return &__libc_single_threaded && __libc_single_threaded;
}

#endif
