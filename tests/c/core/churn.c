/* SPDX-License-Identifier: MIT */
/*
 * A live closure's code address is nobody else's, whatever is allocated and freed around it, and it
 * goes on calling its own handler.
 */
#include "check.h"

enum { ROUNDS = 200000, LIVE = 6000 };

static unsigned random_below(unsigned limit)
{
    static uint32_t state = 2463534242u;

    state ^= state << 13;
    state ^= state >> 17;
    state ^= state << 5;
    return state % limit;
}

static int compare(const void *a, const void *b)
{
    uintptr_t left = *(const uintptr_t *)a, right = *(const uintptr_t *)b;

    return left < right ? -1 : left > right;
}

static void check_unique(adder **codes)
{
    static adder *sorted[LIVE];
    int live = 0;

    for (int i = 0; i < LIVE; i++)
        if (codes[i])
            sorted[live++] = codes[i];
    qsort(sorted, (size_t)live, sizeof(*sorted), compare);
    for (int i = 1; i < live; i++)
        CHECK(sorted[i] != sorted[i - 1], "%p is two closures", (void *)sorted[i]);
    CHECK(status_now().slots_used == (size_t)live, "%zu slots in use for %d closures",
          status_now().slots_used, live);
}

int main(void)
{
    static void *closures[LIVE];
    static adder *codes[LIVE];
    static int numbers[LIVE];

    trampfd_closure_free(NULL);
    for (int round = 0; round < ROUNDS; round++) {
        unsigned place = random_below(LIVE);

        if (codes[place]) {
            CHECK(codes[place](1) == numbers[place] + 1, "round %d", round);
            trampfd_closure_free(closures[place]);
            codes[place] = NULL;
        } else {
            numbers[place] = round;
            closures[place] =
                make_sized(random_below(10) ? sizeof(ffi_closure) : 200, round, &codes[place]);
        }
        if (round % 20000 == 0)
            check_unique(codes);
    }
    for (int i = 0; i < LIVE; i++)
        if (codes[i])
            trampfd_closure_free(closures[i]);
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    return 0;
}
