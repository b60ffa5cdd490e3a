/* SPDX-License-Identifier: MIT */
/* Pointers of functions in functions, to any depth, are right and go away with their function. */
#include "by_hand.h"

static int deep(int depth)
{
    struct frame frame;
    size_t before = pointers();
    int result;

    enter_with_two(&frame, depth);
    CHECK(pointers() == before + 2, "%zu after %zu", pointers(), before);
    result = depth ? deep(depth - 1) : 0;
    CHECK(frame.pointer[0](7) == depth + 7, "depth %d adds", depth);
    CHECK(frame.pointer[1](7) == depth * 7, "depth %d multiplies", depth);
    __gcc_nested_func_ptr_deleted();
    __gcc_nested_func_ptr_deleted();
    CHECK(pointers() == before, "%zu before, %zu after", before, pointers());
    return result + 1;
}

/* Functions that are inlined have one frame, in which their variables lie in any order. */
static inline __attribute__((always_inline)) void inner(struct frame *before, int *room)
{
    struct frame after;

    enter_with_two(&after, 4);
    CHECK(before->pointer[0](1) == 3 && after.pointer[0](1) == 5, "both add");
    room[0] = after.pointer[1](room[1]);
    __gcc_nested_func_ptr_deleted();
    __gcc_nested_func_ptr_deleted();
    CHECK(before->pointer[0](1) == 3 && before->pointer[1](2) == 4, "the outer's are there");
}

static __attribute__((noinline)) void check_inlined(int size)
{
    struct frame one, two;
    int room[size];

    room[1] = 9;
    enter_with_two(&one, 2);
    inner(&one, room);
    CHECK(room[0] == 36, "%d", room[0]);
    enter_with_two(&two, 2);
    inner(&two, room);
    inner(&one, room);
    for (int i = 0; i < 4; i++)
        __gcc_nested_func_ptr_deleted();
    CHECK(pointers() == 0, "%zu pointers", pointers());
}

/* Two blocks of slots and some more. */
int main(void)
{
    check_inlined(1000);
    CHECK(deep(5000) == 5001, "every depth was seen");
    for (int i = 0; i < scaled(100000, 2000); i++)
        deep(1);
    CHECK(status_now().blocks_own_file <= 2, "slots are used again");
    check_w_xor_x();
    return 0;
}
