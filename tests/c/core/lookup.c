/* SPDX-License-Identifier: MIT */
/* From a code address to its slot and back; no other address is taken for a slot. */
#include "check.h"
#include "slot/layout.h"

static void check_round_trip(struct many many)
{
    struct trampfd_slot slot;

    for (int i = 0; i < many.count; i++) {
        const char *code = (const char *)many.code[i];

        CHECK(!trampfd_slot_find(code, &slot), "closure %d", i);
        CHECK((const char *)slot.block + slot.index * TFD_SLOT_SIZE == code, "closure %d", i);
        CHECK(slot.index < TRAMPFD_BLOCK_SLOTS, "closure %d: slot %u", i, slot.index);
        CHECK(slot.record == many.closure[i], "closure %d: record %p", i, slot.record);
        CHECK(!strcmp(slot.provider, "table"), "closure %d: %s", i, slot.provider);
    }
}

static void check_refused(const void *address, const char *what)
{
    struct trampfd_slot slot = {.index = 4711};
    struct trampfd_closure closure = {.allocated = 4711};

    CHECK(trampfd_slot_find(address, &slot) == -ENOENT, "%s %p", what, address);
    CHECK(trampfd_closure_read(address, &closure) == -ENOENT, "%s %p", what, address);
    CHECK(slot.index == 4711 && closure.allocated == 4711, "%s: out-parameter written", what);
}

int main(void)
{
    int on_stack = 0;
    void *on_heap = malloc(100);
    struct many many;

    check_refused(NULL, "NULL before the first closure");
    check_refused(&on_stack, "stack before the first closure");
    many = make_many(TRAMPFD_BLOCK_SLOTS + 10);
    check_round_trip(many);

    for (int i = 0; i < many.count; i += 4099) { /* one of either block */
        for (int within = 1; within < 16; within++)
            check_refused((char *)many.code[i] + within, "middle of a slot");
        check_refused(many.closure[i], "record");
        check_refused((char *)many.closure[i] + 8, "middle of a record");
    }
    check_refused(NULL, "NULL");
    check_refused(&on_stack, "stack");
    check_refused(on_heap, "heap");
    check_refused((void *)(uintptr_t)main, "function");
    check_refused((void *)8, "small number");
    check_refused((void *)UINTPTR_MAX, "last byte");
    check_refused((void *)((UINTPTR_MAX >> 1) + 1), "first kernel address");
    check_refused((void *)(UINTPTR_MAX >> 17), "beyond the user addresses of x86-64, or low");
    check_refused((char *)many.code[0] - 16, "before the first block");
    free(on_heap);
    free_many(many);
    return 0;
}
