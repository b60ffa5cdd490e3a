/* SPDX-License-Identifier: MIT */
/*
 * Stack data lies where the rules of the proposal put it, for every size, for offsets on all sides
 * of the limits, for stack pointers of every alignment, and nothing else on the stack changes.
 */
#include "probe.h"

static const unsigned offsets[] = {0, 1, 7, 8, 9, 16, 60, 64, 120, 127, 128, 129, 255, 256};

static unsigned tries;

/* Where the data must be and where SP must be, from the rules in trampfd.h. */
static void expect(const struct trampfd_context *context, unsigned char **base, unsigned char **sp)
{
    *base = entry_sp - context->stack_offset - context->stack_size;
    *sp = entry_sp;
    if (context->stack_flags & TRAMPFD_SET_SP) {
        *base = (unsigned char *)(((uintptr_t)*base & ~(uintptr_t)15) - 8);
        *sp = *base;
    }
}

/* The kernel writes the data only; the entry may leave things in the red zone or far below it. */
static int may_change(const unsigned char *at, const unsigned char *sp, const char *backend,
                      int names_r10)
{
    if (strcmp(backend, "context"))
        return 0;
    if (at >= entry_sp - 450 && at < entry_sp - 384)
        return 1;
    return names_r10 && ((at >= sp - 8 && at < sp) || (at >= sp - 128 && at < sp - 120));
}

static void check_stack(const struct trampfd_context *context, const char *backend, int names_r10)
{
    unsigned char *base, *sp;

    expect(context, &base, &sp);
    CHECK(probed.sp == (uintptr_t)sp, "%s: size %u offset %u flags %u: SP is off by %ld", backend,
          context->stack_size, context->stack_offset, context->stack_flags,
          (long)(probed.sp - (uintptr_t)sp));
    CHECK(!memcmp(base, context->stack_data, context->stack_size),
          "%s: size %u offset %u flags %u: data", backend, context->stack_size,
          context->stack_offset, context->stack_flags);
    for (const unsigned char *at = first_watched(); at < entry_sp + STACK_WATCHED; at++) {
        if ((at >= base && at < base + context->stack_size) || (at >= entry_sp && at < entry_sp + 8)
            || may_change(at, sp, backend, names_r10))
            continue;
        CHECK(*at == STACK_FILL, "%s: size %u offset %u flags %u: byte at SP %+ld is %#x", backend,
              context->stack_size, context->stack_offset, context->stack_flags,
              (long)(at - entry_sp), *at);
    }
}

static void try(const struct trampfd_context *context, const char *backend, int names_r10,
                unsigned shift)
{
    struct trampfd_trampoline *trampoline = create(context, backend);

    probe_call(trampfd_trampoline_address(trampoline), shift, 0x2 | MOST_FLAGS);
    check_registers(context, backend);
    check_stack(context, backend, names_r10);
    trampfd_trampoline_destroy(trampoline);
    tries++;
}

int main(int count, char **arguments)
{
    const char *backend = backend_of(count, arguments);
    struct trampfd_context context = {.pc = (void *)(uintptr_t)probe};
    unsigned char *base, *sp;

    for (unsigned i = 0; i < TRAMPFD_MAX_DATA_SIZE; i++)
        context.stack_data[i] = (unsigned char)(i + 1);
    context.regs[0] = (struct trampfd_register){"rcx", 0x1234};
    context.regs[1] = (struct trampfd_register){"r10", 0x5678};
    for (int names_r10 = 0; names_r10 < 2; names_r10++)
        for (unsigned flags = 0; flags <= TRAMPFD_SET_SP; flags++)
            for (size_t i = 0; i < sizeof(offsets) / sizeof(offsets[0]); i++)
                for (unsigned size = 1; size <= TRAMPFD_MAX_DATA_SIZE; size++) {
                    context.nregs = 1 + (unsigned)names_r10;
                    context.stack_flags = flags;
                    context.stack_offset = offsets[i];
                    context.stack_size = size;
                    try(&context, backend, names_r10, size % 16);
                    try(&context, backend, names_r10, 0);
                }
    CHECK(tries == 2 * 2 * 2 * TRAMPFD_MAX_DATA_SIZE * sizeof(offsets) / sizeof(offsets[0]),
          "%u tries", tries);

    /* Vectors of the proposal, SP being where functions expect it: n, and how far SP moves. */
    static const unsigned vectors[][2] = {{4, 16},  {8, 16},  {12, 32}, {16, 32},
                                          {24, 32}, {32, 48}, {64, 80}};
    entry_sp = probe_stack + STACK_BYTES / 2 - 8;
    context.stack_flags = TRAMPFD_SET_SP;
    context.stack_offset = 0;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        context.stack_size = vectors[i][0];
        expect(&context, &base, &sp);
        CHECK(entry_sp - sp == vectors[i][1], "%u bytes: SP moves by %ld", vectors[i][0],
              (long)(entry_sp - sp));
        try(&context, backend, 1, 0);
    }
    return 0;
}
