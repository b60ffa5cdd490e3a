/* SPDX-License-Identifier: MIT */
/*
 * After fork parent and child have closures of their own: what one frees, makes or retargets, the
 * other does not see; in the built-in block as in the others.
 */
#include "check.h"

enum { COUNT = TRAMPFD_BLOCK_SLOTS + 100 };

static void retarget(struct many many, int by)
{
    for (int i = 0; i < many.count; i++)
        CHECK(!trampfd_closure_prep(many.closure[i], adder_cif(), add, (void *)(intptr_t)(i + by)),
              "closure %d", i);
}

static void call_shifted(struct many many, int by)
{
    for (int i = 0; i < many.count; i++)
        CHECK(many.code[i](1) == i + by + 1, "closure %d gives %d", i, many.code[i](1));
}

static void wait_for_byte(int fd)
{
    char byte;

    CHECK(read(fd, &byte, 1) == 1, "the other process is gone");
}

static void send_byte(int fd)
{
    CHECK(write(fd, "x", 1) == 1, "%s", strerror(errno));
}

int main(void)
{
    struct many many = make_many(COUNT), others;
    int to_child[2], to_parent[2];
    pid_t child;

    CHECK(!pipe(to_child) && !pipe(to_parent), "%s", strerror(errno));
    child = fork();
    if (child == 0) {
        alarm(60);
        retarget(many, 1000000);
        send_byte(to_parent[1]);
        wait_for_byte(to_child[0]); /* the parent has retargeted its own */
        call_shifted(many, 1000000);
        free_many(many);
        others = make_many(COUNT);
        send_byte(to_parent[1]);
        wait_for_byte(to_child[0]); /* the parent has freed its own */
        call_many(others);
        free_many(others);
        _exit(0);
    }
    wait_for_byte(to_parent[0]);
    call_many(many);
    retarget(many, 2000000);
    send_byte(to_child[1]);
    wait_for_byte(to_parent[0]); /* the child has freed its own, and made others */
    call_shifted(many, 2000000);
    CHECK(status_now().slots_used == COUNT, "%zu slots in use", status_now().slots_used);
    free_many(many);
    send_byte(to_child[1]);
    wait_for_success(child, "child");
    return 0;
}
