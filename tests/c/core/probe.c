/* SPDX-License-Identifier: MIT */
/* trampfd_probe() tries every way of the table, says so in its trail, and leaves nothing behind. */
#include "check.h"

int main(void)
{
    static const char *const ways[] = {"built in", "own file", "memfd"};
    struct trampfd_trail trail = {.count = 5};
    unsigned descriptors, mappings;
    struct many many;

    count_mappings();
    descriptors = count_descriptors();
    mappings = count_mappings();
    for (int round = 0; round < 10; round++) {
        trampfd_probe(&trail);
        CHECK(trail.count == 3, "%u attempts", trail.count);
        for (int i = 0; i < 3; i++)
            CHECK(!strcmp(trail.attempts[i].source, ways[i]) && !trail.attempts[i].error,
                  "%s: %s: %s", trail.attempts[i].source, trail.attempts[i].call,
                  strerror(trail.attempts[i].error));
    }
    CHECK(count_mappings() == mappings, "%u mappings, before %u", count_mappings(), mappings);
    CHECK(count_descriptors() == descriptors, "%u descriptors, before %u", count_descriptors(),
          descriptors);
    CHECK(status_now().code_bytes == 0, "%zu", status_now().code_bytes);
    many = make_many(10);
    trampfd_probe(&trail);
    call_many(many);
    free_many(many);
    return 0;
}
