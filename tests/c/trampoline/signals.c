/* SPDX-License-Identifier: MIT */
/*
 * A signal handler may run at each instruction of a trampoline, overwrite the stack below the red
 * zone and call trampolines itself: the context is applied all the same.
 */
#include "probe.h"

#include <ucontext.h>

static struct trampfd_trampoline *in_handler;
static volatile long handled, wrong;

static long return_first(long first)
{
    return first;
}

/* On a stack of its own, so that all that is not safe from signals can be overwritten. */
static void handler(int signal, siginfo_t *info, void *state)
{
    const ucontext_t *context = state;
    char *interrupted = (char *)context->uc_mcontext.gregs[REG_RSP];

    (void)signal;
    (void)info;
    memset(interrupted - 128 - 2048, 0xee, 2048);
    handled++;
    wrong += ((long (*)(void))trampfd_trampoline_address(in_handler))() != 99;
}

static void stepped(const struct trampfd_context *context, const char *backend)
{
    struct trampfd_trampoline *trampoline = create(context, backend);
    long expected_sp = 0;

    probe_call(trampfd_trampoline_address(trampoline), 0, 0x2 | MOST_FLAGS);
    expected_sp = (long)(probed.sp - (uintptr_t)entry_sp);
    handled = 0;
    probe_call(trampfd_trampoline_address(trampoline), 0, 0x2 | MOST_FLAGS | TRAP_FLAG);
    CHECK(handled >= 2 + (strcmp(backend, "context") ? 0 : 3), "%ld steps", handled);
    CHECK(!wrong, "%ld wrong calls in the handler", wrong);
    check_registers(context, backend);
    CHECK((long)(probed.sp - (uintptr_t)entry_sp) == expected_sp, "SP is off by %ld",
          (long)(probed.sp - (uintptr_t)entry_sp) - expected_sp);
    if (context->stack_flags & TRAMPFD_SET_SP)
        CHECK(!memcmp((void *)probed.sp, context->stack_data, context->stack_size), "data");
    else if (context->stack_offset + context->stack_size <= 128)
        CHECK(!memcmp(entry_sp - context->stack_offset - context->stack_size, context->stack_data,
                      context->stack_size),
              "data in the red zone");
    trampfd_trampoline_destroy(trampoline);
}

int main(int count, char **arguments)
{
    const char *backend = backend_of(count, arguments);
    struct trampfd_context context = {.pc = (void *)(uintptr_t)probe};
    const struct trampfd_context for_handler = {
        .pc = (void *)(uintptr_t)return_first,
        .nregs = 2,
        .regs = {{"rdi", 99}, {"r10", 1}},
    };
    static char handler_stack[65536];
    const stack_t stack = {.ss_sp = handler_stack, .ss_size = sizeof(handler_stack)};
    struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};

    in_handler = create(&for_handler, backend);
    CHECK(!sigaltstack(&stack, NULL), "%s", strerror(errno));
    CHECK(!sigaction(SIGTRAP, &action, NULL), "%s", strerror(errno));
    for (unsigned i = 0; i < TRAMPFD_MAX_DATA_SIZE; i++)
        context.stack_data[i] = (unsigned char)(i + 1);
    for (unsigned i = 0; i < REGISTERS; i++)
        context.regs[i] = (struct trampfd_register){register_names[REGISTERS - 1 - i], 1000 + i};

    stepped(&context, backend);
    context.nregs = REGISTERS;
    stepped(&context, backend);
    for (context.stack_flags = 0; context.stack_flags <= TRAMPFD_SET_SP; context.stack_flags++)
        for (context.stack_offset = 0; context.stack_offset <= 256; context.stack_offset += 32)
            for (context.stack_size = 8; context.stack_size <= 64; context.stack_size += 28)
                stepped(&context, backend);
    trampfd_trampoline_destroy(in_handler);
    return 0;
}
