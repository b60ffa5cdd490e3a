/* SPDX-License-Identifier: MIT */
/*
 * A function that can stand for any other: what calls plan_shim() calls its target, with the same
 * registers and stack arguments, and around it
 *
 *   - the registers that a callee must preserve hold known values,
 *   - the floating-point unit rounds in a way of its own (towards zero).
 *
 * What the target leaves of that is kept.  One call at a time.
 */
#ifndef PLAN_SHIM_H
#define PLAN_SHIM_H

#include "closure/plan.h"

#include <stdint.h>
#include <string.h>

#include "frame.h"

/* The bits of the first integer register that are the same by libffi, for narrow integers. */
#define PLAN_SHIM_WORD_MASK 0xffffffff

#define PLAN_SHIM_FPCR 0xc00000
#define PLAN_SHIM_TEXT(value) PLAN_SHIM_TEXT_OF(value)
#define PLAN_SHIM_TEXT_OF(value) #value

struct plan_preserved {
    uint64_t x[11], d[8], sp;
};

struct plan_shim_state {
    void (*target)(void);                         /* at 0 */
    uint64_t return_address;                      /* 8 */
    uint64_t callers_fpcr, after_fpcr;            /* 16 */
    uint64_t after_x0, unused[3];                 /* 32 */
    struct plan_preserved callers, before, after; /* 64, 224, 384 */
};

_Static_assert(sizeof(struct plan_preserved) == 160 && sizeof(struct plan_shim_state) == 544,
               "the offsets below");

__attribute__((visibility("hidden"))) struct plan_shim_state plan_shim_state;

extern __attribute__((visibility("hidden"))) void plan_shim(void);

/* Leaves nothing that its caller could rely on in the registers that a callee need not preserve. */
extern __attribute__((visibility("hidden"))) void plan_spoil(void);

/* clang-format off */
__asm__(
    ".macro EACH_PRESERVED instruction, offset\n"
    "    .set at, \\offset\n"
    "    .irp register, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, "
    "d8, d9, d10, d11, d12, d13, d14, d15\n"
    "    \\instruction \\register, [x9, at]\n"
    "    .set at, at + 8\n"
    "    .endr\n"
    ".endm\n"
    ".macro STORE_STACK_POINTER offset\n"
    "    mov x10, sp\n"
    "    str x10, [x9, \\offset + 19 * 8]\n"
    ".endm\n"
    ".macro FIND_STATE\n"
    "    adrp x9, plan_shim_state\n"
    "    add x9, x9, :lo12:plan_shim_state\n"
    ".endm\n"

    ".text\n"
    ".globl plan_shim\n"
    ".hidden plan_shim\n"
    ".type plan_shim, @function\n"
    "plan_shim:\n"
    "    hint 34\n" /* bti c */
    "    FIND_STATE\n"
    "    str x30, [x9, 8]\n"
    "    EACH_PRESERVED str, 64\n"
    "    STORE_STACK_POINTER 64\n"
    "    mrs x10, fpcr\n"
    "    str x10, [x9, 16]\n"
    "    mov x10, " PLAN_SHIM_TEXT(PLAN_SHIM_FPCR) "\n"
    "    msr fpcr, x10\n"
    "    EACH_PRESERVED ldr, 224\n"
    "    STORE_STACK_POINTER 224\n"
    "    ldr x16, [x9]\n"
    "    blr x16\n"
    "    FIND_STATE\n"
    "    EACH_PRESERVED str, 384\n"
    "    STORE_STACK_POINTER 384\n"
    "    str x0, [x9, 32]\n"
    "    mrs x10, fpcr\n"
    "    str x10, [x9, 24]\n"
    "    ldr x10, [x9, 16]\n"
    "    msr fpcr, x10\n"
    "    ldr x10, [x9, 64 + 19 * 8]\n"
    "    mov sp, x10\n"
    "    EACH_PRESERVED ldr, 64\n"
    "    ldr x30, [x9, 8]\n"
    "    ret\n"
    ".size plan_shim, . - plan_shim\n"

    ".globl plan_spoil\n"
    ".hidden plan_spoil\n"
    ".type plan_spoil, @function\n"
    "plan_spoil:\n"
    "    hint 34\n"
    "    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18\n"
    "    mov x\\number, 0x7777777777777777\n"
    "    .endr\n"
    "    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, "
    "29, 30, 31\n"
    "    movi v\\number\\().16b, 0x7b\n"
    "    .endr\n"
    "    ret\n"
    ".size plan_spoil, . - plan_spoil\n");
/* clang-format on */

/* Before each call; `word` is for registers that matter to some callees only: there are none. */
static inline void plan_shim_prepare(void (*target)(void), uint64_t word)
{
    (void)word;
    memset(&plan_shim_state.before, 0x5a, sizeof(plan_shim_state.before));
    for (int i = 0; i < 11; i++)
        plan_shim_state.before.x[i] += (uint64_t)i;
    for (int i = 0; i < 8; i++)
        plan_shim_state.before.d[i] += 16 + (uint64_t)i;
    plan_shim_state.target = target;
}

/* What the target has left in the first integer register. */
static inline uint64_t plan_shim_word(void)
{
    return plan_shim_state.after_x0;
}

/* What the target has not left as the ABI says, or NULL. */
static inline const char *plan_shim_wrong(const ffi_type *result)
{
    const struct plan_shim_state *state = &plan_shim_state;

    (void)result;
    if (state->before.sp != state->after.sp)
        return "the stack pointer";
    if (memcmp(&state->before, &state->after, sizeof(state->before)))
        return "a callee-saved register";
    return state->after_fpcr != PLAN_SHIM_FPCR ? "the floating-point control register" : NULL;
}

/* Is x0 the address of a result in memory after the call?  The ABI does not say so. */
static inline int plan_shim_returns_address(void)
{
    return 0;
}

/* May ffi_call() pass this argument wrongly?  See tfd_port_libffi_miscalls(). */
static inline int plan_shim_libffi_may_garble(const ffi_type *type)
{
    return type->type == FFI_TYPE_STRUCT && type->size > 16;
}

/* May its closures find an argument of the signature in a wrong place? */
static inline int plan_shim_libffi_misreads(const ffi_cif *cif)
{
    (void)cif;
    return 0;
}

/* Do all arguments of the signature come in registers? */
static inline int plan_shim_in_registers(const ffi_cif *cif)
{
    const struct tfd_plan *plan = tfd_plan_get(cif);
    int in_registers = plan != NULL;

    for (unsigned i = 0; plan && i < plan->count; i++)
        in_registers &= plan->offsets[i] < FRAME_STACK;
    if (plan)
        tfd_plan_put(plan);
    return in_registers;
}

#endif
