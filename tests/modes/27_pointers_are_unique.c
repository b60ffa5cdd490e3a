/* SPDX-License-Identifier: MIT */
/*
 * A code address belongs to one closure
 *
 * as long as that closure lives, whatever is made and freed beside it.
 *
 * Right: works
 */
#include "mode.h"

static int by_address(const void *first, const void *second)
{
    uintptr_t a = (uintptr_t)((const struct closure *)first)->code;
    uintptr_t b = (uintptr_t)((const struct closure *)second)->code;

    return a < b ? -1 : a > b;
}

int main(void)
{
    struct closure *many = make_many(MANY), *sorted = calloc(MANY, sizeof(*sorted));
    unsigned random = 1;

    NEED(sorted, "memory for the program");
    for (int round = 0; round < 10; round++) {
        for (int i = 0; i < MANY; i++) {
            random = random * 1103515245 + 12345;
            if (random >> 16 & 1) {
                release(many[i]);
                many[i] = make(i + round);
            }
        }
        memcpy(sorted, many, MANY * sizeof(*many));
        qsort(sorted, MANY, sizeof(*sorted), by_address);
        for (int i = 1; i < MANY; i++)
            EXPECT(sorted[i].code != sorted[i - 1].code, "two closures have one code address");
        check_many(many, MANY);
    }
    return 0;
}
