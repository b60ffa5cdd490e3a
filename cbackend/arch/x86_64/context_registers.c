/* SPDX-License-Identifier: MIT */
/* x86-64: the registers of a context, and the step that ends it. */
#include "arch/port.h"
#include "context_steps.h"
#include "slot/allowed.h"
#include "trampoline/steps.h"
#include "uapi/linux/trampfd.h"

/* All but r10. */
#define LOWER_REGISTERS(X)                                                                         \
    X(rax, RAX)                                                                                    \
    X(rbx, RBX) X(rcx, RCX) X(rdx, RDX) X(rsi, RSI) X(rdi, RDI) X(rbp, RBP) X(r8, R8) X(r9, R9)
#define HIGHER_REGISTERS(X) X(r11, R11) X(r12, R12) X(r13, R13) X(r14, R14) X(r15, R15)

#define DECLARE(name, number) tfd_entry tfd_step_##name;
#define DESCRIBE(name, number) {#name, TRAMPFD_X86_##number, tfd_step_##name},

/* clang-format off */
LOWER_REGISTERS(DECLARE)
HIGHER_REGISTERS(DECLARE)
tfd_entry tfd_entry_context, tfd_step_jump, tfd_step_jump_near, tfd_step_jump_far;

const struct tfd_register tfd_port_registers[] = {
    LOWER_REGISTERS(DESCRIBE)
    {"r10", TRAMPFD_X86_R10, NULL},
    HIGHER_REGISTERS(DESCRIBE)
};
/* clang-format on */

const unsigned tfd_port_register_count = sizeof(tfd_port_registers) / sizeof(tfd_port_registers[0]);

const uint32_t tfd_port_pc = TRAMPFD_X86_RIP;
const uint32_t tfd_port_chain = TRAMPFD_X86_R10;

tfd_entry *const tfd_port_context = tfd_entry_context;

_Static_assert(sizeof(tfd_port_registers) / sizeof(tfd_port_registers[0])
                   == TRAMPFD_X86_RIP - TRAMPFD_X86_RAX,
               "all registers that the kernel's interface can name");
_Static_assert(offsetof(struct tfd_step, value) == STEP_VALUE, "value of a step");
_Static_assert(sizeof(struct tfd_step) == STEP_SIZE, "size of a step");
_Static_assert(offsetof(struct tfd_stack, flags) == STACK_FLAGS, "flags of stack data");
_Static_assert(offsetof(struct tfd_stack, offset) == STACK_OFFSET, "offset of stack data");
_Static_assert(offsetof(struct tfd_stack, size) == STACK_SIZE, "size of stack data");
_Static_assert(offsetof(struct tfd_stack, data) == STACK_DATA, "stack data");
_Static_assert(TRAMPFD_SET_SP == STACK_SET_SP, "flag that sets the stack pointer");

/* The PC must not be saved where the target finds stack data below its stack pointer. */
static int data_is_near(const struct trampfd_context *context)
{
    return context->stack_size && !(context->stack_flags & TRAMPFD_SET_SP)
           && context->stack_offset < PC_NEAR;
}

_Static_assert(PC_NEAR + TRAMPFD_MAX_DATA_SIZE <= PC_FAR - 8, "data near SP leaves the far place");

tfd_entry *tfd_port_last_step(const struct trampfd_context *context, int names_chain)
{
    if (!names_chain)
        return tfd_step_jump;
    return data_is_near(context) ? tfd_step_jump_far : tfd_step_jump_near;
}

/* Not with a record in the red zone, which the trampoline's caller and target may use. */
const struct tfd_entries tfd_entries_context = {
    .first = (uintptr_t)tfd_entry_context,
    .count = 1,
};
