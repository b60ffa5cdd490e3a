/* SPDX-License-Identifier: MIT */
/* Ways to misuse nested functions, which end the process with a message. */
#include "by_hand.h"

static adder *outlive(void)
{
    struct frame frame;

    enter(&frame, 1);
    __gcc_nested_func_ptr_deleted();
    return frame.pointer[0];
}

int main(int argc, char **argv)
{
    struct frame frame;

    if (argc == 2 && !strcmp(argv[1], "call after the end"))
        return outlive()(1);
    if (argc == 2 && !strcmp(argv[1], "end without beginning"))
        __gcc_nested_func_ptr_deleted();
    if (argc == 2 && !strcmp(argv[1], "free")) {
        enter(&frame, 1);
        trampfd_closure_free((void *)frame.pointer[0]);
    }
    if (argc == 2 && !strcmp(argv[1], "no slot"))
        enter(&frame, 1);
    fprintf(stderr, "still alive\n");
    return 1;
}
