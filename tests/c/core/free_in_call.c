/* SPDX-License-Identifier: MIT */
/*
 * A closure may be freed inside its own call: the call returns, the slot is free at once, and its
 * whole block may be given back, when that was its last closure.
 */
#include "check.h"

static void *own;
static adder *own_code;
static size_t used_inside, free_inside;

static void free_own(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    trampfd_closure_free(own);
    used_inside = status_now().slots_used;
    free_inside = status_now().slots_free;
    *(ffi_sarg *)result = *(int *)arguments[0] + (int)(intptr_t)user_data;
}

static void make_own(size_t size)
{
    own = trampfd_closure_alloc(size, (void **)&own_code, NULL);
    CHECK(own, "size %zu: %s", size, strerror(errno));
    CHECK(!trampfd_closure_prep(own, adder_cif(), free_own, (void *)30), "size %zu", size);
}

static void call_own(size_t used_before)
{
    CHECK(own_code(3) == 33, "the result");
    CHECK(used_inside == used_before - 1, "%zu slots in use", used_inside);
    CHECK(status_now().slots_used == used_before - 1, "%zu slots in use", status_now().slots_used);
}

int main(void)
{
    struct many two_blocks;

    make_own(sizeof(ffi_closure));
    call_own(1);
    make_own(300);
    call_own(1);

    /* Alone in the third block, with the second one empty and kept. */
    two_blocks = make_many(2 * TRAMPFD_BLOCK_SLOTS);
    make_own(sizeof(ffi_closure));
    for (int i = TRAMPFD_BLOCK_SLOTS; i < 2 * TRAMPFD_BLOCK_SLOTS; i++) {
        trampfd_closure_free(two_blocks.closure[i]);
        two_blocks.closure[i] = NULL;
    }
    CHECK(status_now().slots_free == 2 * TRAMPFD_BLOCK_SLOTS - 1, "%zu", status_now().slots_free);
    call_own(TRAMPFD_BLOCK_SLOTS + 1);
    CHECK(free_inside == TRAMPFD_BLOCK_SLOTS, "%zu slots are kept", free_inside);
    free_many(two_blocks);
    return 0;
}
