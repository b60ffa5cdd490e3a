/* SPDX-License-Identifier: MIT */
/* Threads that Python does not know.  Read by the C compiler and by cffi.cdef(). */

typedef int (*int_fn)(int);

/* A thread that calls what it is told to.  worker_start() returns NULL without a thread. */
struct worker;
struct worker *worker_start(void);
int worker_call(struct worker *worker, int_fn f, int x);
void worker_stop(struct worker *worker);

/* `threads` threads at once each sum up f(0) to f(times - 1); the sum of all, -1 without threads. */
long threads_call(int_fn f, int threads, int times);

int call_int(int_fn f, int x);

/* When the process exits, print what f(x) returns. */
void call_at_exit(int_fn f, int x);
