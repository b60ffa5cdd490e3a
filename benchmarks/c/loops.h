/* SPDX-License-Identifier: MIT */
/* The signatures that are measured, as callers and callees see them.  Knows no closures. */
#ifndef LOOPS_H
#define LOOPS_H

#include <ffi.h>

/*
 * `call(code, count)` calls `code` so often and returns the sum of all results.  `direct` is a
 * plain C function that returns what `handler` stores.
 */
struct loop {
    const char *name;
    double (*call)(void *code, long count);
    void *direct;
    void (*handler)(ffi_cif *cif, void *result, void **arguments, void *user_data);
};

/* NULL: there is none of that name. */
const struct loop *loop_find(const char *name);

/*
 * loop->call in a thread made for it: seconds that the calls took there, and their sum.  Not a
 * number when there is no thread.
 */
double loop_time_in_thread(const struct loop *loop, void *code, long count, double *sum);

#endif
