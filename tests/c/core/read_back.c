/* SPDX-License-Identifier: MIT */
/* A closure's record is read back as it was prepared, in every state of its life. */
#include "check.h"

static struct trampfd_closure read_back(adder *code)
{
    struct trampfd_closure closure;

    memset(&closure, 0xa5, sizeof(closure));
    CHECK(!trampfd_closure_read((void *)code, &closure), "%p", (void *)code);
    return closure;
}

static void check_life(size_t size)
{
    adder *code;
    void *memory = trampfd_closure_alloc(size, (void **)&code, NULL);
    struct trampfd_closure closure;

    CHECK(memory, "size %zu: %s", size, strerror(errno));
    closure = read_back(code);
    CHECK(closure.allocated && closure.entry == TRAMPFD_ENTRY_DEAD, "allocated, size %zu", size);
    CHECK(closure.closure == memory, "size %zu: %p", size, closure.closure);
    CHECK(!closure.cif && !closure.fun && !closure.user_data, "allocated, size %zu", size);

    CHECK(!trampfd_closure_prep(memory, adder_cif(), add, &closure), "size %zu", size);
    closure = read_back(code);
    CHECK(closure.allocated && closure.entry != TRAMPFD_ENTRY_DEAD, "prepared, size %zu", size);
    CHECK(closure.closure == memory, "size %zu: %p", size, closure.closure);
    CHECK(closure.cif == adder_cif() && closure.fun == add && closure.user_data == &closure,
          "prepared, size %zu", size);

    trampfd_closure_free_named(memory, "some name");
    closure = read_back(code);
    CHECK(!closure.allocated && closure.entry == TRAMPFD_ENTRY_DEAD, "freed, size %zu", size);
    CHECK(!closure.closure && !closure.cif && !closure.fun && !closure.user_data, "freed, size %zu",
          size);
}

int main(void)
{
    struct many many;

    check_life(8);
    check_life(sizeof(ffi_closure));
    check_life(1000);
    many = make_many(TRAMPFD_BLOCK_SLOTS);
    check_life(sizeof(ffi_closure)); /* in a block that is not the built-in one */
    check_life(1000);
    free_many(many);
    return 0;
}
