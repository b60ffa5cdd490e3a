/* SPDX-License-Identifier: MIT */
/*
 * Many closures: the code of later blocks is mapped by the dozen, with their records in one piece.
 * All slots are as they were assembled, no memory is touched beyond twice what is in use, a child
 * goes on where its parent was, and all memory goes back.
 */
#include "check.h"

#include <malloc.h>

enum { BLOCKS = 30, SLACK = 2 << 20 };

/* From the last that is mapped alone to those after the huge pages. */
static const int counts[] = {9, 10, 16, 17, BLOCKS, 280};

static void check_slots(struct many many)
{
    struct trampfd_report report;

    for (int i = 0; i < many.count; i += 97) {
        CHECK(!trampfd_closure_verify((void *)many.code[i], adder_cif(), add, (void *)(intptr_t)i,
                                      &report),
              "closure %d", i);
        CHECK(!report.count, "closure %d: %u differences", i, report.count);
    }
}

static void check_memory(int blocks, size_t before)
{
    size_t in_use = (size_t)blocks * TRAMPFD_BLOCK_SLOTS * 64;

    /* Besides the records there are the arrays of this test. */
    CHECK(SANITIZED || resident() <= before + 2 * in_use + in_use / 4 + SLACK,
          "%d blocks: from %zu to %zu bytes", blocks, before, resident());
}

static void check_mappings(unsigned before)
{
    unsigned own_file = (unsigned)status_now().blocks_own_file;

    /* Two for each block alone, later one for each and one for all their records. */
    CHECK(count_mappings() <= before + own_file + own_file / 8 + 20, "%u mappings, before %u",
          count_mappings(), before);
}

static void check_count(int blocks)
{
    unsigned mappings = count_mappings();
    size_t memory = resident();
    struct many many = make_many(blocks * TRAMPFD_BLOCK_SLOTS);
    pid_t child;

    check_w_xor_x();
    check_slots(many);
    check_memory(blocks, memory);
    check_mappings(mappings);
    child = fork();
    if (child == 0) {
        struct many more = make_many(9 * TRAMPFD_BLOCK_SLOTS);

        call_many(more);
        free_many(more);
        free_many(many);
        _exit(status_now().slots_used != 0);
    }
    wait_for_success(child, "child");
    call_many(many);
    free_many(many);
    CHECK(status_now().blocks_own_file <= 1, "%zu blocks are kept", status_now().blocks_own_file);
}

int main(void)
{
    size_t space = 0;

    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
            check_count(scaled(counts[i], counts[i] < BLOCKS ? counts[i] : BLOCKS));
        malloc_trim(0); /* what the C library keeps is not the library's */
        if (round == 0)
            space = address_space();
    }
    CHECK(SANITIZED || address_space() <= space + SLACK, "from %zu to %zu bytes", space,
          address_space());
    return 0;
}
