/* SPDX-License-Identifier: MIT */
/*
 * Another library's fork handlers, registered before this library is there, have threads that use
 * closures all the time: before each fork they "start" some, which go on during the fork, or "join"
 * one, which must therefore get on while the fork is under way; or they use closures of their own
 * in the child, "early", while the threads that the child lacks were in the middle of something.
 */
#include "check.h"

#include <pthread.h>
#include <stdatomic.h>

enum { FORKS = 200, WORKERS = 3 };

static enum { START, JOIN, EARLY } way;
static pthread_t workers[WORKERS];
static atomic_int stop, rounds;

static void use_closures(int count)
{
    struct many many = make_many(count);

    call_many(many);
    free_many(many);
}

static void *work(void *unused)
{
    do {
        use_closures(20);
        atomic_fetch_add(&rounds, 1);
    } while (!atomic_load(&stop));
    return unused;
}

static void start(int count)
{
    atomic_store(&stop, 0);
    atomic_store(&rounds, 0);
    for (int i = 0; i < count; i++)
        CHECK(!pthread_create(&workers[i], NULL, work, NULL), "pthread_create");
}

static void join(int count)
{
    atomic_store(&stop, 1);
    for (int i = 0; i < count; i++)
        CHECK(!pthread_join(workers[i], NULL), "pthread_join");
}

static void prepare(void)
{
    start(way == JOIN ? 1 : WORKERS);
    while (!atomic_load(&rounds))
        sched_yield();
    if (way == JOIN)
        join(1);
}

static void in_parent(void)
{
    if (way != JOIN)
        join(WORKERS);
}

static void in_child(void)
{
    alarm(scaled(20, 600)); /* a deadlock */
    if (way == EARLY)
        use_closures(50);
}

__attribute__((constructor(101))) static void register_before_trampfd(void)
{
    CHECK(!pthread_atfork(prepare, in_parent, in_child), "pthread_atfork");
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "start";

    way = !strcmp(name, "join") ? JOIN : !strcmp(name, "early") ? EARLY : START;
    for (int i = scaled(FORKS, 10); i; i--) {
        pid_t child;

        alarm(scaled(20, 600)); /* a deadlock */
        child = fork();
        if (child == 0) {
            use_closures(i % 10 ? 50 : TRAMPFD_BLOCK_SLOTS + 100);
            _exit(0);
        }
        wait_for_success(child, "fork");
        use_closures(10);
    }
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    return 0;
}
