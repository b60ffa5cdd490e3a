/* SPDX-License-Identifier: MIT */
/* The plans of a hundred thousand signatures, one after another, leave no memory behind. */
#include "closures.h"

#include <malloc.h>

enum { SIGNATURES = 100000, WARM_UP = 10 * IDLE_MAX, GROWTH_MAX = IDLE_MAX * 1024 };

int main(void)
{
    size_t before, after;

    for (unsigned i = 0; i < WARM_UP; i++)
        touch_signature(i);
    before = mallinfo2().uordblks;
    for (unsigned i = WARM_UP; i < WARM_UP + SIGNATURES; i++)
        touch_signature(i);
    after = mallinfo2().uordblks;
    CHECK(before, "malloc does not count");
    CHECK(after < before + GROWTH_MAX, "%zu bytes more", after - before);
    CHECK(status_now().without_plan == 0, "%zu without plan", status_now().without_plan);
    return 0;
}
