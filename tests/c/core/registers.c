/* SPDX-License-Identifier: MIT */
/* A call through a slot leaves the stack pointer and the callee's registers as they were. */
#include "check.h"
#include "poison.h"

int call_poisoned(adder *code, int argument);

/* The registers, then the stack pointer before and after the call. */
__attribute__((visibility("hidden"))) uint64_t seen[POISONED + 2];

static uint64_t poison(int register_number)
{
    return 0x0101010101010101u * (unsigned)(register_number + 1);
}

static void check(adder *code, int number)
{
    for (int i = 0; i < POISONED; i++)
        seen[i] = poison(i);
    CHECK(call_poisoned(code, 1000) == number + 1000, "call of closure %d", number);
    for (int i = 0; i < POISONED; i++)
        CHECK(seen[i] == poison(i), "closure %d: register %d is %#" PRIx64, number, i, seen[i]);
    CHECK(seen[POISONED] == seen[POISONED + 1], "closure %d: the stack pointer moved by %ld",
          number, (long)(seen[POISONED + 1] - seen[POISONED]));
}

int main(void)
{
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS + 100);

    for (int i = 0; i < many.count; i++)
        check(many.code[i], i);
    free_many(many);
    return 0;
}
