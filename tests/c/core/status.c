/* SPDX-License-Identifier: MIT */
/* The counts of trampfd_status_read() before, during and after closures live. */
#include "check.h"
#include "slot/block.h"

static void check_counts(size_t built_in, size_t own_file, size_t used)
{
    struct trampfd_status status;
    size_t blocks = built_in + own_file;

    memset(&status, 0xa5, sizeof(status));
    trampfd_status_read(&status);
    CHECK(!strcmp(status.provider, "table"), "%s", status.provider);
    CHECK(status.blocks_built_in == built_in, "%zu", status.blocks_built_in);
    CHECK(status.blocks_own_file == own_file, "%zu", status.blocks_own_file);
    CHECK(status.blocks_memfd == 0, "%zu", status.blocks_memfd);
    CHECK(status.slots_used == used, "%zu", status.slots_used);
    CHECK(status.slots_free == blocks * TRAMPFD_BLOCK_SLOTS - used, "%zu", status.slots_free);
    CHECK(status.code_bytes == blocks * TFD_CODE_BYTES, "%zu", status.code_bytes);
    CHECK(status.record_bytes == blocks * TFD_RECORD_BYTES, "%zu", status.record_bytes);
    CHECK(status.trail.count == 0, "%u attempts failed", status.trail.count);
}

int main(void)
{
    struct many first, more;

    check_counts(0, 0, 0);
    first = make_many(1);
    check_counts(1, 0, 1);
    more = make_many(TRAMPFD_BLOCK_SLOTS - 1);
    check_counts(1, 0, TRAMPFD_BLOCK_SLOTS);
    free_many(first);
    check_counts(1, 0, TRAMPFD_BLOCK_SLOTS - 1);
    first = make_many(TRAMPFD_BLOCK_SLOTS + 2);
    check_counts(1, 2, 2 * TRAMPFD_BLOCK_SLOTS + 1);
    free_many(more);
    check_counts(1, 2, TRAMPFD_BLOCK_SLOTS + 2);
    free_many(first);
    check_counts(1, 1, 0);
    return 0;
}
