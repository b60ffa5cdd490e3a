/* SPDX-License-Identifier: MIT */
/*
 * A trampoline loads the registers that its context names, whichever they are, and leaves the
 * others, the flags, the vector registers and the stack alone.
 */
#include "probe.h"

static const uint64_t flags[] = {0x2, 0x2 | MOST_FLAGS};

/* Without stack data: at most the 8 bytes where r10 is loaded, in the red zone. */
static void check_stack(const struct trampfd_context *context, const char *backend, int names_r10)
{
    unsigned written = !strcmp(backend, "context") && names_r10 ? 8 : 0;

    CHECK(probed.sp == (uintptr_t)entry_sp, "%s: SP moved by %ld", backend,
          (long)(probed.sp - (uintptr_t)entry_sp));
    for (const unsigned char *at = first_watched(); at < entry_sp + STACK_WATCHED; at++)
        CHECK(*at == STACK_FILL || (at >= entry_sp - written && at < entry_sp + 8),
              "%s: %u registers: byte at SP %+ld is %#x", backend, context->nregs,
              (long)(at - entry_sp), *at);
}

static void try(const struct trampfd_context *context, const char *backend, int names_r10)
{
    struct trampfd_trampoline *trampoline = create(context, backend);

    for (unsigned i = 0; i < 2; i++) {
        probe_call(trampfd_trampoline_address(trampoline), 0, flags[i]);
        check_registers(context, backend);
        check_stack(context, backend, names_r10);
    }
    trampfd_trampoline_destroy(trampoline);
}

int main(int count, char **arguments)
{
    const char *backend = backend_of(count, arguments);
    struct trampfd_context context = {.pc = (void *)(uintptr_t)probe};

    try(&context, backend, 0);
    for (unsigned i = 0; i < REGISTERS; i++) {
        context.nregs = 1;
        context.regs[0] = (struct trampfd_register){register_names[i], 0xfeedface00000000 + i};
        try(&context, backend, i == R10);
    }
    /* All of them, first to last and last to first. */
    context.nregs = REGISTERS;
    for (unsigned i = 0; i < REGISTERS; i++)
        context.regs[i] = (struct trampfd_register){register_names[i], ~(uint64_t)i};
    try(&context, backend, 1);
    for (unsigned i = 0; i < REGISTERS; i++)
        context.regs[i] = (struct trampfd_register){register_names[REGISTERS - 1 - i], i};
    try(&context, backend, 1);

    for (unsigned i = 0; i < REGISTERS; i++) {
        const char *name = trampfd_register_name(i);

        CHECK(name, "register %u has a name", i);
        for (unsigned j = 0; j < i; j++)
            CHECK(strcmp(name, trampfd_register_name(j)), "%s comes twice", name);
    }
    CHECK(!trampfd_register_name(REGISTERS), "there are %d registers", REGISTERS);
    return 0;
}
