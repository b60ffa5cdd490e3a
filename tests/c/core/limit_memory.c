/* SPDX-License-Identifier: MIT */
/*
 * With the address space at its limit growth fails with ENOMEM and leaks nothing, at whichever step
 * the limit is met; what exists goes on working, and more memory makes more closures.
 */
#include "check.h"

#include <sys/resource.h>

static void limit(size_t bytes)
{
    struct rlimit limit = {.rlim_cur = bytes, .rlim_max = RLIM_INFINITY};

    CHECK(!setrlimit(RLIMIT_AS, &limit), "%s", strerror(errno));
}

int main(void)
{
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS);
    struct trampfd_trail trail;
    unsigned refusals = 0;
    void *closure = NULL;
    size_t size = address_space();
    adder *code;

    while (!closure) {
        unsigned descriptors = count_descriptors();
        size_t before;

        limit(size);
        before = address_space();
        errno = 0;
        closure = trampfd_closure_alloc(8, (void **)&code, &trail);
        if (!closure) {
            CHECK(errno == ENOMEM, "limit %zu: %s", size, strerror(errno));
            CHECK(trail.count && trail.attempts[trail.count - 1].error == ENOMEM, "limit %zu",
                  size);
            /* A part of the index may stay, for the next time: 512 KiB by malloc. */
            CHECK(address_space() <= before + (1 << 20), "limit %zu: from %zu to %zu", size, before,
                  address_space());
            CHECK(count_descriptors() == descriptors, "limit %zu: descriptors", size);
            call_many(many);
            refusals++;
        }
        size += 32768;
        CHECK(size < address_space() + (64 << 20), "no limit suffices");
    }
    CHECK(refusals > 3, "%u refusals", refusals);
    limit(RLIM_INFINITY);
    trampfd_closure_free(closure);
    call_many(many);
    free_many(many);
    many = make_many(3 * TRAMPFD_BLOCK_SLOTS);
    call_many(many);
    free_many(many);
    return 0;
}
