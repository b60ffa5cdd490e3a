/* SPDX-License-Identifier: MIT */
/*
 * The process forks after each instruction with which another thread makes, prepares and frees
 * closures, makes a block and gives one back.  In each child the closures that there were work, and
 * others can be made and freed.  As memory allocation must not be interrupted for long, and is the
 * C library's, only instructions of this program count.
 */
#include "step.h"

#include <pthread.h>
#include <stdatomic.h>

enum { LIVE = 40 };

extern const char __executable_start, etext;

static struct many live, block_of;
static atomic_int order; /* 0: the thread runs, 1: it waits for a fork, 2: it is at its end */
static int stride, step, number;

/* In the handler of the thread: no lock, nothing that allocates. */
static void wait_for_fork(int signal, siginfo_t *info, void *context)
{
    uintptr_t at = address_of_step(context);

    (void)signal, (void)info;
    if (at < (uintptr_t)&__executable_start || at >= (uintptr_t)&etext || step++ % stride)
        return;
    atomic_store(&order, 1);
    while (atomic_load(&order) == 1)
        usleep(20);
}

static void make_and_free(void)
{
    adder *code, *large_code, *first_code;
    void *closure, *large, *first;

    stride = scaled(1, 31);
    set_steps(1);
    first = make(10, &first_code); /* hands out a fresh slot, or one again */
    closure = make(11, &code);
    large = make_sized(200, 12, &large_code);
    trampfd_closure_free_named(first, "first");
    trampfd_closure_free(closure);
    trampfd_closure_free(large);
    set_steps(0);
}

/* Around the border of the block that is there: a new one, and an empty one too many. */
static void grow_and_shrink(void)
{
    adder *code;
    void *closures[2];

    stride = scaled(101, 3001);
    block_of = make_many((int)status_now().slots_free);
    set_steps(1);
    closures[0] = make(13, &code);
    set_steps(0);
    struct many another = make_many((int)status_now().slots_free);
    set_steps(1);
    closures[1] = make(14, &code);
    set_steps(0);
    free_many(another);
    trampfd_closure_free(closures[0]); /* an empty block is kept */
    set_steps(1);
    trampfd_closure_free(closures[1]); /* another is given back */
    set_steps(0);
    free_many(block_of);
}

static void *work(void *unused)
{
    for (int i = 0; i < 2; i++)
        make_and_free();
    grow_and_shrink();
    atomic_store(&order, 2);
    return unused;
}

static _Noreturn void in_child(void)
{
    size_t used = status_now().slots_used;
    struct many many;

    alarm(scaled(20, 600));
    call_many(live);
    many = make_many(number % 7 ? 100 : TRAMPFD_BLOCK_SLOTS + 100);
    call_many(many);
    call_many(live);
    CHECK(status_now().slots_used == used + (size_t)many.count, "%zu slots in use, before %zu",
          status_now().slots_used, used);
    free_many(many);
    CHECK(status_now().slots_used == used, "%zu slots in use, before %zu", status_now().slots_used,
          used);
    free_many(live);
    _exit(0);
}

int main(void)
{
    pthread_t thread;

    alarm(scaled(500, 6000));
    at_each_step(wait_for_fork);
    live = make_many(LIVE);
    CHECK(!pthread_create(&thread, NULL, work, NULL), "pthread_create");
    for (int now; (now = atomic_load(&order)) != 2;) {
        pid_t child;

        if (now == 0) {
            usleep(20);
            continue;
        }
        child = fork();
        if (child == 0)
            in_child();
        wait_for_success(child, "child");
        number++;
        atomic_store(&order, 0);
    }
    CHECK(!pthread_join(thread, NULL), "pthread_join");
    printf("%d forks\n", number);
    CHECK(number > scaled(1000, 40), "%d forks", number);
    free_many(live);
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    return 0;
}
