/* SPDX-License-Identifier: MIT */
/* Functions on stacks of their own, which end in another order than they began. */
#include "by_hand.h"

#include <setjmp.h>
#include <ucontext.h>

#define COUNT 5

static ucontext_t of_main, of[COUNT];

/* Leaves two pointers behind, at the same place in each round. */
static __attribute__((noinline)) void leave(jmp_buf back)
{
    struct frame frame;

    enter_with_two(&frame, 1);
    longjmp(back, frame.pointer[0](0));
}

static void coroutine(int number)
{
    struct frame frame;
    jmp_buf back;

    enter_with_two(&frame, number);
    for (volatile int i = 0; i < 1000; i++)
        if (!setjmp(back))
            leave(back);
    for (int i = 0; i < 3; i++) {
        CHECK(frame.pointer[0](i) == number + i, "coroutine %d adds", number);
        CHECK(frame.pointer[1](i) == number * i, "coroutine %d multiplies", number);
        swapcontext(&of[number], &of_main);
    }
    __gcc_nested_func_ptr_deleted();
    CHECK(frame.pointer[0](1) == number + 1, "coroutine %d has its older pointer", number);
    __gcc_nested_func_ptr_deleted();
}

static void resume(int number)
{
    struct frame frame;

    enter(&frame, 100 + number);
    swapcontext(&of_main, &of[number]);
    CHECK(frame.pointer[0](1) == 101 + number, "main's pointer for %d", number);
    __gcc_nested_func_ptr_deleted();
}

int main(void)
{
    struct frame frame;

    enter(&frame, 50);
    for (int i = 0; i < COUNT; i++) {
        getcontext(&of[i]);
        of[i].uc_stack.ss_size = 256 << 10;
        of[i].uc_stack.ss_sp = malloc(of[i].uc_stack.ss_size);
        of[i].uc_link = &of_main;
        makecontext(&of[i], (void (*)(void))coroutine, 1, i);
    }
    for (int round = 0; round < 4; round++)
        for (int i = 0; i < COUNT; i++)
            resume((i * 3 + round) % COUNT);
    CHECK(frame.pointer[0](1) == 51, "main's pointer");
    CHECK(pointers() == 1 + 2 * COUNT, "%zu pointers", pointers());
    __gcc_nested_func_ptr_deleted();
    for (int i = 0; i < COUNT; i++)
        free(of[i].uc_stack.ss_sp);
    return 0;
}
