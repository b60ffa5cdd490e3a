/* SPDX-License-Identifier: MIT */
/* Functions that longjmp(3) leaves without deleting their pointers: these go away, and no others. */
#include "by_hand.h"

#include <setjmp.h>

static jmp_buf back;

static void leave(int depth);
static void (*volatile leave_deeper)(int) = leave;

static void leave(int depth)
{
    struct frame frame;

    enter_with_two(&frame, depth);
    if (depth)
        leave_deeper(depth - 1);
    longjmp(back, 1);
}

/* Its frame covers those of the functions that were left. */
static __attribute__((noinline)) void wide(int value)
{
    volatile char room[20000];
    struct frame frame;

    room[0] = 0;
    enter(&frame, value);
    CHECK(frame.pointer[0](1) == value + 1 + room[0], "%d", frame.pointer[0](1));
    __gcc_nested_func_ptr_deleted();
}

static __attribute__((noinline)) void leave_from(int depth)
{
    struct frame frame;

    enter_with_two(&frame, depth);
    if (!setjmp(back))
        leave_deeper(depth);
    CHECK(frame.pointer[0](1) == depth + 1, "adds after longjmp");
    CHECK(frame.pointer[1](5) == depth * 5, "multiplies after longjmp");
    wide(depth + 3);
    CHECK(frame.pointer[0](1) == depth + 1, "adds after another function");
    __gcc_nested_func_ptr_deleted();
    CHECK(frame.pointer[0](1) == depth + 1, "the older one is there after the newer was deleted");
    __gcc_nested_func_ptr_deleted();
}

int main(void)
{
    struct frame frame;

    enter(&frame, 30);
    for (int i = 0; i < 1000; i++) {
        leave_from(i % 20);
        CHECK(frame.pointer[0](1) == 31, "round %d", i);
        CHECK(pointers() == 1, "%zu pointers in round %d", pointers(), i);
    }
    for (volatile int i = 0; i < scaled(100000, 2000); i++)
        if (!setjmp(back))
            leave_deeper(2);
    CHECK(pointers() <= 7, "%zu pointers are left of one place", pointers());
    __gcc_nested_func_ptr_deleted();
    CHECK(pointers() == 0, "%zu pointers at the end", pointers());
    return 0;
}
