/* SPDX-License-Identifier: MIT */
/*
 * After a fork neither process sees what the other one stores: with handlers of forks; and a child
 * that runs none does not change its parent.
 */
#include "sealed.h"

#include <sched.h>
#include <sys/syscall.h>

enum { LIVE = TRAMPFD_BLOCK_SLOTS + 100, OTHERS = 3000 };

static struct many live;

static void wait_for(int fd)
{
    char byte;

    CHECK(read(fd, &byte, 1) == 1, "the other process ended");
}

static void tell(int fd)
{
    CHECK(write(fd, "", 1) == 1, "%s", strerror(errno));
}

/* All closures of the parent's are freed and their slots have other ones; then none are the same. */
static void replace_all(void)
{
    struct many others;

    for (int i = 0; i < live.count; i++)
        trampfd_closure_free(live.closure[i]);
    others = make_many(OTHERS);
    for (int i = 0; i < others.count; i++)
        CHECK(others.code[i](1) == i + 1, "closure %d", i);
    free_many(others);
}

static void check_parent_stores(void)
{
    int to_child[2], to_parent[2];
    pid_t child;

    CHECK(!pipe(to_child) && !pipe(to_parent), "%s", strerror(errno));
    live = make_many(LIVE);
    child = fork();
    if (child == 0) {
        wait_for(to_child[0]);
        call_many(live);
        replace_all(); /* it can store, too */
        tell(to_parent[1]);
        _exit(0);
    }
    replace_all();
    tell(to_child[1]);
    wait_for(to_parent[0]);
    wait_for_success(child, "child of a parent that stores");
}

static void check_child_stores(void)
{
    pid_t child;

    live = make_many(LIVE);
    child = fork();
    if (child == 0) {
        replace_all();
        _exit(0);
    }
    wait_for_success(child, "child that stores");
    call_many(live);
    free_many(live);
}

static void check_child_without_handlers(void)
{
    pid_t child;

    live = make_many(LIVE);
    child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
    if (child == 0) {
        call_many(live);
        replace_all();
        _exit(0);
    }
    wait_for_success(child, "child that runs no handlers");
    call_many(live);
    free_many(live);
}

/* Each makes and frees, and forks the next. */
static void generations(int left)
{
    struct many mine = make_many(10);
    pid_t child = left ? fork() : 0;

    if (left && child == 0) {
        generations(left - 1);
        free_many(mine);
        _exit(0);
    }
    call_many(mine);
    free_many(mine);
    if (left)
        wait_for_success(child, "generation");
}

int main(void)
{
    check_parent_stores();
    check_child_stores();
    check_child_without_handlers();
    generations(10);
    return 0;
}
