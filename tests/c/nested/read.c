/* SPDX-License-Identifier: MIT */
/* What is told of the slot of a nested function's pointer. */
#include "by_hand.h"

int main(void)
{
    struct trampfd_closure read;
    struct trampfd_slot slot;
    struct frame frame;

    enter(&frame, 1);
    CHECK(!trampfd_slot_find((void *)(uintptr_t)frame.pointer[0], &slot), "a slot");
    CHECK(!trampfd_closure_read((void *)(uintptr_t)frame.pointer[0], &read), "readable");
    CHECK(read.allocated && read.entry == TRAMPFD_ENTRY_CHAIN && !read.closure && !read.cif,
          "entry %d", read.entry);
    __gcc_nested_func_ptr_deleted();
    CHECK(!trampfd_closure_read((void *)(uintptr_t)frame.pointer[0], &read) && !read.allocated,
          "free again");
    return 0;
}
