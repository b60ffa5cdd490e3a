/* SPDX-License-Identifier: MIT */
/*
 * The child of a fork is slow: another library's handler, registered before those of trampfd, holds
 * it up until the parent has changed its closures.  The child has them as they were at the fork;
 * what the handlers changed right before the fork and first of all in the child is among them.
 */
#include "check.h"

#include <pthread.h>

enum { COUNT = 100 };

static int changed[2], again_in_child;
static void *handlers;
static adder *handlers_code;

static void prepare_again(int number)
{
    if (handlers)
        CHECK(!trampfd_closure_prep(handlers, adder_cif(), add, (void *)(intptr_t)number),
              "preparation for %d", number);
}

static void in_prepare(void)
{
    prepare_again(1);
}

static void in_child(void)
{
    char byte;

    alarm(scaled(20, 600)); /* the parent has failed */
    if (read(changed[0], &byte, 1) != 1)
        _exit(3);
    if (again_in_child)
        prepare_again(2);
}

__attribute__((constructor(101))) static void register_before_trampfd(void)
{
    CHECK(!pthread_atfork(in_prepare, NULL, in_child), "pthread_atfork");
}

static void change(struct many many)
{
    for (int i = 0; i < many.count; i += 2) {
        trampfd_closure_free(many.closure[i]);
        many.closure[i] = make(i + 1000, &many.code[i]);
    }
    for (int i = 1; i < many.count; i += 2)
        CHECK(
            !trampfd_closure_prep(many.closure[i], adder_cif(), add, (void *)(intptr_t)(i + 1000)),
            "preparation of closure %d", i);
}

static void fork_and_change(int number_in_child)
{
    struct many many = make_many(COUNT);
    pid_t child;

    handlers = make(0, &handlers_code);
    CHECK(!pipe(changed), "pipe: %s", strerror(errno));
    child = fork();
    if (child == 0) {
        call_many(many);
        CHECK(handlers_code(7) == number_in_child + 7, "the handlers' gives %d", handlers_code(7));
        free_many(many);
        _exit(0);
    }
    change(many);
    CHECK(write(changed[1], "", 1) == 1, "write: %s", strerror(errno));
    wait_for_success(child, "fork");
    for (int i = 0; i < COUNT; i++)
        CHECK(many.code[i](7) == i + 1007, "closure %d gives %d", i, many.code[i](7));
    CHECK(handlers_code(7) == 8, "the handlers' gives %d in the parent", handlers_code(7));
    trampfd_closure_free(handlers);
    free_many(many);
}

int main(void)
{
    fork_and_change(1);
    again_in_child = 1;
    fork_and_change(2);
    return 0;
}
