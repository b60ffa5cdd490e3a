/* SPDX-License-Identifier: MIT */
/* Parent and child have pointers of their own after a fork. */
#include "by_hand.h"

static void in_child(struct frame *outer)
{
    struct frame frame;

    outer->value = 20;
    enter(&frame, 3);
    CHECK(outer->pointer[0](1) == 21 && frame.pointer[0](1) == 4, "the child's own");
    __gcc_nested_func_ptr_deleted();
    CHECK(pointers() == 1, "%zu pointers in the child", pointers());
}

int main(void)
{
    struct frame frame;
    pid_t child;

    enter(&frame, 10);
    child = fork();
    if (!child) {
        in_child(&frame);
        __gcc_nested_func_ptr_deleted();
        _exit(pointers() != 0);
    }
    wait_for_success(child, "child");
    CHECK(frame.pointer[0](1) == 11, "the parent's");
    __gcc_nested_func_ptr_deleted();
    return pointers() != 0;
}
