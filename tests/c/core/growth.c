/* SPDX-License-Identifier: MIT */
/*
 * 20,000 closures: 4096 built in, the others from the source that the argument names ("own file",
 * or "memfd", which is used when the program's file is gone).  All work, and all memory goes back.
 */
#include "check.h"
#include "slot/block.h"

enum {
    COUNT = 20000,
    BLOCKS = (COUNT + TRAMPFD_BLOCK_SLOTS - 1) / TRAMPFD_BLOCK_SLOTS,
    SLACK = 2 << 20, /* of bytes: the records that are kept, the dead ones, and this test's */
};

static void check_sources(struct many many, const char *source)
{
    struct trampfd_slot slot;

    for (int i = 0; i < many.count; i++) {
        const char *expected = i < TRAMPFD_BLOCK_SLOTS ? "built in" : source;

        CHECK(!trampfd_slot_find((void *)many.code[i], &slot), "closure %d", i);
        CHECK(!strcmp(slot.source, expected), "closure %d is from %s", i, slot.source);
    }
}

static void check_status(const char *source)
{
    struct trampfd_status status = status_now();
    size_t grown = strcmp(source, "memfd") ? status.blocks_own_file : status.blocks_memfd;

    CHECK(status.blocks_built_in == 1 && grown == BLOCKS - 1, "%zu and %zu blocks",
          status.blocks_built_in, grown);
    CHECK(status.blocks_own_file + status.blocks_memfd == grown, "blocks of the other source");
    CHECK(status.slots_used == COUNT, "%zu slots in use", status.slots_used);
    CHECK(status.slots_free == BLOCKS * TRAMPFD_BLOCK_SLOTS - COUNT, "%zu free", status.slots_free);
    CHECK(status.code_bytes == BLOCKS * TFD_CODE_BYTES, "%zu", status.code_bytes);
    CHECK(status.record_bytes == BLOCKS * TFD_RECORD_BYTES, "%zu", status.record_bytes);
}

/* In an order that leaves every block partly free for long. */
static void free_all(struct many many)
{
    for (int start = 0; start < 7; start++)
        for (int i = start; i < many.count; i += 7)
            trampfd_closure_free(many.closure[i]);
}

/* Blocks that come and go again and again take no address space for good. */
static void check_repeated(void)
{
    size_t first = 0;

    for (int round = 0; round < 10; round++) {
        struct many many = make_many(COUNT);

        call_many(many);
        free_many(many);
        if (round == 0)
            first = address_space();
    }
    CHECK(SANITIZED || address_space() <= first + 65536, "from %zu to %zu bytes", first,
          address_space());
}

int main(int argc, char **argv)
{
    const char *source = argc > 1 ? argv[1] : "own file";
    unsigned descriptors = count_descriptors();
    unsigned mappings;
    struct many many;
    size_t memory;

    if (!strcmp(source, "memfd"))
        CHECK(!unlink(argv[0]), "unlink %s: %s", argv[0], strerror(errno));
    check_w_xor_x();
    mappings = count_mappings();
    memory = resident();
    many = make_many(COUNT);
    check_w_xor_x();
    check_sources(many, source);
    check_status(source);
    call_many(many);

    free_all(many);
    check_w_xor_x();
    CHECK(status_now().slots_used == 0, "%zu slots in use", status_now().slots_used);
    CHECK(status_now().slots_free <= 2 * TRAMPFD_BLOCK_SLOTS, "at most one empty block is kept");
    /*
     * A block is two mappings, also one that was given back, and there are dead records for all of
     * these; the arrays of this test and the index may be some more.
     */
    CHECK(count_mappings() <= mappings + 2 * BLOCKS + 1 + 6, "%u mappings, before %u",
          count_mappings(), mappings);
    CHECK(SANITIZED || resident() <= memory + SLACK, "%zu bytes of memory, before %zu", resident(),
          memory);
    CHECK(count_descriptors() == descriptors, "%u descriptors, before %u", count_descriptors(),
          descriptors);
    free(many.closure);
    free(many.code);
    check_repeated();
    return 0;
}
