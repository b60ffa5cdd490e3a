/* SPDX-License-Identifier: MIT */
/*
 * The child of a fork is slow: another library's handler, registered before those of trampfd, holds
 * it up until the parent has changed its closures.  The child has them as they were at the fork.
 */
#include "core_check.h"

#include <pthread.h>

enum { COUNT = 100 };

static int changed[2];

static void wait_for_parent(void)
{
    char byte;

    alarm(scaled(20, 600)); /* the parent has failed */
    if (read(changed[0], &byte, 1) != 1)
        _exit(3);
}

__attribute__((constructor(101))) static void register_before_trampfd(void)
{
    CHECK(!pthread_atfork(NULL, NULL, wait_for_parent), "pthread_atfork");
}

static void change(struct many many)
{
    for (int i = 0; i < many.count; i += 2) {
        trampfd_closure_free(many.closure[i]);
        many.closure[i] = make(i + 1000, &many.code[i]);
    }
    for (int i = 1; i < many.count; i += 2)
        CHECK(!trampfd_closure_prep(many.closure[i], adder_cif(), add, (void *)(intptr_t)(i + 1000)),
              "preparation of closure %d", i);
}

int main(void)
{
    struct many many = make_many(COUNT);
    pid_t child;

    CHECK(!pipe(changed), "pipe: %s", strerror(errno));
    child = fork();
    if (child == 0) {
        call_many(many);
        free_many(many);
        _exit(0);
    }
    change(many);
    CHECK(write(changed[1], "", 1) == 1, "write: %s", strerror(errno));
    wait_for_success(child, "fork");
    for (int i = 0; i < COUNT; i++)
        CHECK(many.code[i](7) == i + 1007, "closure %d gives %d", i, many.code[i](7));
    free_many(many);
    return 0;
}
