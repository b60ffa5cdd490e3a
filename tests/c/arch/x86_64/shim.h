/* SPDX-License-Identifier: MIT */
/*
 * A function that can stand for any other: what calls plan_shim() calls its target, with the same
 * registers and stack arguments, and around it
 *
 *   - the registers that a callee must preserve hold known values,
 *   - both floating-point units round in a way of their own (towards zero),
 *   - rax, which tells a variadic function how many vector registers are used, holds plan_shim_rax.
 *
 * What the target leaves of that is kept.  One call at a time.
 */
#ifndef PLAN_SHIM_H
#define PLAN_SHIM_H

#include <ffi.h>
#include <stdint.h>
#include <string.h>

/* The bits of the first integer register that are the same by libffi, for narrow integers. */
#define PLAN_SHIM_WORD_MASK UINT64_MAX

#define PLAN_SHIM_MXCSR 0x7f80
#define PLAN_SHIM_X87_CONTROL 0x0f7f
#define PLAN_SHIM_TEXT(value) PLAN_SHIM_TEXT_OF(value)
#define PLAN_SHIM_TEXT_OF(value) #value

/* Where fxsave puts things. */
struct plan_fxsave {
    uint16_t x87_control, x87_status;
    uint8_t x87_used; /* a bit for each register that is not empty */
    uint8_t reserved[19];
    uint32_t mxcsr;
    uint8_t rest[484];
};

struct plan_preserved {
    uint64_t rbx, rbp, r12, r13, r14, r15, rsp;
};

_Static_assert(sizeof(struct plan_fxsave) == 512 && sizeof(struct plan_preserved) == 56,
               "the sizes of the variables below");

#define HIDDEN extern __attribute__((visibility("hidden")))
HIDDEN void (*plan_shim_target)(void);
HIDDEN uint64_t plan_shim_rax;
HIDDEN struct plan_preserved plan_shim_before, plan_shim_after;
HIDDEN uint64_t plan_shim_after_rax, plan_shim_after_flags;
HIDDEN struct plan_fxsave plan_shim_after_state;
HIDDEN void plan_shim(void);

/* Leaves nothing that its caller could rely on in the registers that a callee need not preserve. */
HIDDEN void plan_spoil(void);
#undef HIDDEN

/* clang-format off */
__asm__(
    ".macro VARIABLE name, size, alignment=8\n"
    "    .globl \\name\n"
    "    .hidden \\name\n"
    "    .balign \\alignment\n"
    "\\name:\n"
    "    .skip \\size\n"
    ".endm\n"

    ".bss\n"
    "VARIABLE plan_shim_target, 8\n"
    "VARIABLE plan_shim_rax, 8\n"
    "VARIABLE plan_shim_before, 56\n"
    "VARIABLE plan_shim_after, 56\n"
    "VARIABLE plan_shim_after_rax, 8\n"
    "VARIABLE plan_shim_after_flags, 8\n"
    "VARIABLE plan_shim_after_state, 512, 16\n"
    "VARIABLE return_address, 8\n"
    "VARIABLE callers, 56\n"
    "VARIABLE callers_mxcsr, 4\n"
    "VARIABLE callers_x87_control, 4\n"

    ".section .rodata\n"
    ".balign 4\n"
    "mxcsr: .long " PLAN_SHIM_TEXT(PLAN_SHIM_MXCSR) "\n"
    "x87_control: .long " PLAN_SHIM_TEXT(PLAN_SHIM_X87_CONTROL) "\n"

    ".macro STORE_PRESERVED where\n"
    "    .set at, 0\n"
    "    .irp register, rbx, rbp, r12, r13, r14, r15, rsp\n"
    "    movq %\\register, \\where + at(%rip)\n"
    "    .set at, at + 8\n"
    "    .endr\n"
    ".endm\n"
    ".macro LOAD_PRESERVED where\n"
    "    .set at, 0\n"
    "    .irp register, rbx, rbp, r12, r13, r14, r15, rsp\n"
    "    movq \\where + at(%rip), %\\register\n"
    "    .set at, at + 8\n"
    "    .endr\n"
    ".endm\n"

    ".text\n"
    ".globl plan_shim\n"
    ".hidden plan_shim\n"
    ".type plan_shim, @function\n"
    "plan_shim:\n"
    "    endbr64\n"
    "    popq return_address(%rip)\n"
    "    STORE_PRESERVED callers\n"
    "    stmxcsr callers_mxcsr(%rip)\n"
    "    fnstcw callers_x87_control(%rip)\n"
    "    ldmxcsr mxcsr(%rip)\n"
    "    fldcw x87_control(%rip)\n"
    "    .irp register, rbx, rbp, r12, r13, r14, r15\n"
    "    movabsq $0x5a00000000000000 + at, %\\register\n"
    "    .set at, at + 1\n"
    "    .endr\n"
    "    STORE_PRESERVED plan_shim_before\n"
    "    movq plan_shim_rax(%rip), %rax\n"
    "    call *plan_shim_target(%rip)\n"
    "    STORE_PRESERVED plan_shim_after\n"
    "    LOAD_PRESERVED callers\n"
    "    movq %rax, plan_shim_after_rax(%rip)\n"
    "    fxsave plan_shim_after_state(%rip)\n"
    "    pushfq\n"
    "    popq plan_shim_after_flags(%rip)\n"
    "    cld\n"
    "    ldmxcsr callers_mxcsr(%rip)\n"
    "    fldcw callers_x87_control(%rip)\n"
    "    jmp *return_address(%rip)\n"
    ".size plan_shim, . - plan_shim\n"

    ".globl plan_spoil\n"
    ".hidden plan_spoil\n"
    ".type plan_spoil, @function\n"
    "plan_spoil:\n"
    "    endbr64\n"
    "    .irp register, rax, rcx, rdx, rsi, rdi, r8, r9, r10, r11\n"
    "    movabsq $0x7b7b7b7b7b7b7b7b, %\\register\n"
    "    .endr\n"
    "    .irp number, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15\n"
    "    movq %rax, %xmm\\number\n"
    "    .endr\n"
    "    ret\n"
    ".size plan_spoil, . - plan_spoil\n");
/* clang-format on */

enum { DIRECTION_FLAG = 0x400 };

/* Before each call; `word` is for registers that matter to some callees only. */
static inline void plan_shim_prepare(void (*target)(void), uint64_t word)
{
    plan_shim_target = target;
    plan_shim_rax = word;
}

/* What the target has left in the first integer register. */
static inline uint64_t plan_shim_word(void)
{
    return plan_shim_after_rax;
}

static inline int x87_results(const ffi_type *type)
{
    if (type->type == FFI_TYPE_LONGDOUBLE)
        return 1;
    return type->type == FFI_TYPE_COMPLEX && type->elements[0]->type == FFI_TYPE_LONGDOUBLE ? 2 : 0;
}

/* What the target has not left as the ABI says, or NULL. */
static inline const char *plan_shim_wrong(const ffi_type *result)
{
    const struct plan_fxsave *after = &plan_shim_after_state;

    if (plan_shim_before.rsp != plan_shim_after.rsp)
        return "the stack pointer";
    if (memcmp(&plan_shim_before, &plan_shim_after, sizeof(plan_shim_before)))
        return "a callee-saved register";
    if (plan_shim_after_flags & DIRECTION_FLAG)
        return "the direction flag";
    if ((after->mxcsr & ~0x3fu) != PLAN_SHIM_MXCSR)
        return "mxcsr";
    if (after->x87_control != PLAN_SHIM_X87_CONTROL)
        return "the x87 control word";
    return __builtin_popcount(after->x87_used) != x87_results(result) ? "x87 registers in use"
                                                                      : NULL;
}

/* Is rax the address of a result in memory after the call? */
static inline int plan_shim_returns_address(void)
{
    return 1;
}

/* May ffi_call() pass this argument wrongly?  See tfd_port_libffi_miscalls(). */
static inline int plan_shim_libffi_may_garble(const ffi_type *type)
{
    return type->type == FFI_TYPE_STRUCT && type->size > 8 && type->size <= 16;
}

/* May its closures find an argument of the signature in a wrong place? */
static inline int plan_shim_libffi_misreads(const ffi_cif *cif)
{
    (void)cif;
    return 0;
}

/* Do all arguments of the signature come in registers?  libffi counts the bytes of others. */
static inline int plan_shim_in_registers(const ffi_cif *cif)
{
    return cif->bytes == 0;
}

#endif
