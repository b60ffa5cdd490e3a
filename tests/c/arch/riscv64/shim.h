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
#define PLAN_SHIM_WORD_MASK UINT64_MAX

#define PLAN_SHIM_ROUNDING 1

struct plan_preserved {
    uint64_t s[12], fs[12], sp, unused;
};

struct plan_shim_state {
    void (*target)(void);                         /* at 0 */
    uint64_t return_address;                      /* 8 */
    uint64_t callers_rounding, after_rounding;    /* 16 */
    uint64_t after_a0, unused[3];                 /* 32 */
    struct plan_preserved callers, before, after; /* 64, 272, 480 */
};

_Static_assert(sizeof(struct plan_preserved) == 208 && sizeof(struct plan_shim_state) == 688,
               "the offsets below");

__attribute__((visibility("hidden"))) struct plan_shim_state plan_shim_state;

extern __attribute__((visibility("hidden"))) void plan_shim(void);

/* Leaves nothing that its caller could rely on in the registers that a callee need not preserve. */
extern __attribute__((visibility("hidden"))) void plan_spoil(void);

/* clang-format off */
__asm__(
    ".macro EACH_PRESERVED word, double, offset\n"
    "    .set at, \\offset\n"
    "    .irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11\n"
    "    \\word \\register, at(t0)\n"
    "    .set at, at + 8\n"
    "    .endr\n"
    "    .irp register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11\n"
    "    \\double \\register, at(t0)\n"
    "    .set at, at + 8\n"
    "    .endr\n"
    ".endm\n"

    ".text\n"
    ".globl plan_shim\n"
    ".hidden plan_shim\n"
    ".type plan_shim, @function\n"
    "plan_shim:\n"
    "    lla t0, plan_shim_state\n"
    "    sd ra, 8(t0)\n"
    "    EACH_PRESERVED sd, fsd, 64\n"
    "    sd sp, 64 + 24 * 8(t0)\n"
    "    frrm t1\n"
    "    sd t1, 16(t0)\n"
    "    fsrmi 1\n"
    "    EACH_PRESERVED ld, fld, 272\n"
    "    sd sp, 272 + 24 * 8(t0)\n"
    "    ld t1, 0(t0)\n"
    "    jalr t1\n"
    "    lla t0, plan_shim_state\n"
    "    EACH_PRESERVED sd, fsd, 480\n"
    "    sd sp, 480 + 24 * 8(t0)\n"
    "    sd a0, 32(t0)\n"
    "    frrm t1\n"
    "    sd t1, 24(t0)\n"
    "    ld t1, 16(t0)\n"
    "    fsrm t1\n"
    "    ld sp, 64 + 24 * 8(t0)\n"
    "    EACH_PRESERVED ld, fld, 64\n"
    "    ld ra, 8(t0)\n"
    "    ret\n"
    ".size plan_shim, . - plan_shim\n"

    ".globl plan_spoil\n"
    ".hidden plan_spoil\n"
    ".type plan_spoil, @function\n"
    "plan_spoil:\n"
    "    .irp register, t0, t1, t2, t3, t4, t5, t6, a0, a1, a2, a3, a4, a5, a6, a7\n"
    "    li \\register, 0x7777777777777777\n"
    "    .endr\n"
    "    .irp register, ft0, ft1, ft2, ft3, ft4, ft5, ft6, ft7, ft8, ft9, ft10, ft11, fa0, fa1, "
    "fa2, fa3, fa4, fa5, fa6, fa7\n"
    "    fmv.d.x \\register, t0\n"
    "    .endr\n"
    "    ret\n"
    ".size plan_spoil, . - plan_spoil\n");
/* clang-format on */

/* Before each call; `word` is for registers that matter to some callees only: there are none. */
static inline void plan_shim_prepare(void (*target)(void), uint64_t word)
{
    (void)word;
    memset(&plan_shim_state.before, 0x5a, sizeof(plan_shim_state.before));
    memset(&plan_shim_state.after, 0x5a, sizeof(plan_shim_state.after));
    for (uint64_t i = 0; i < 12; i++) {
        plan_shim_state.before.s[i] += i;
        plan_shim_state.before.fs[i] += 16 + i;
    }
    plan_shim_state.target = target;
}

/* What the target has left in the first integer register. */
static inline uint64_t plan_shim_word(void)
{
    return plan_shim_state.after_a0;
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
    return state->after_rounding != PLAN_SHIM_ROUNDING ? "the rounding mode" : NULL;
}

/* Is a0 the address of a result in memory after the call?  libffi leaves it there. */
static inline int plan_shim_returns_address(void)
{
    return 1;
}

/* May ffi_call() pass this argument wrongly?  See tfd_port_libffi_miscalls(). */
static inline int plan_shim_libffi_may_garble(const ffi_type *type)
{
    if (type->type != FFI_TYPE_STRUCT)
        return 0;
    while (type->type == FFI_TYPE_STRUCT && !type->elements[1])
        type = type->elements[0];
    return type->type == FFI_TYPE_FLOAT || type->type == FFI_TYPE_DOUBLE;
}

/* May its closures find an argument of the signature in a wrong place? */
static inline int plan_shim_libffi_misreads(const ffi_cif *cif)
{
    const struct tfd_plan *plan = tfd_plan_get(cif);
    int misreads = plan && tfd_port_libffi_miscalls(plan, cif);

    for (unsigned i = 0; !plan && i < cif->nargs; i++)
        misreads |= plan_shim_libffi_may_garble(cif->arg_types[i]);
    if (plan)
        tfd_plan_put(plan);
    return misreads;
}

/* Do all arguments of the signature come in registers? */
static inline int plan_shim_in_registers(const ffi_cif *cif)
{
    const struct tfd_plan *plan = tfd_plan_get(cif);
    int in_registers = plan != NULL;

    for (unsigned i = 0; plan && i < plan->count; i++) {
        size_t size = cif->arg_types[i]->size;

        in_registers &= plan->offsets[i] + (int)(size > 16 ? 8 : size) <= FRAME_STACK;
    }
    if (plan)
        tfd_plan_put(plan);
    return in_registers;
}

#endif
