/* SPDX-License-Identifier: MIT */
/* AArch64: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* x19 to x29, and the lower halves of v8 to v15. */
#define POISONED 19

/*
 * int call_poisoned(adder *code, int argument)
 *   x0  code      w1  argument
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".macro EACH_POISONED instruction, base\n"
        "    .set at, 0\n"
        "    .irp register, x19, x20, x21, x22, x23, x24, x25, x26, x27, x28, x29, "
        "d8, d9, d10, d11, d12, d13, d14, d15\n"
        "    \\instruction \\register, [\\base, at]\n"
        "    .set at, at + 8\n"
        "    .endr\n"
        ".endm\n"
        ".text\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, @function\n"
        "call_poisoned:\n"
        "    hint 34\n" /* bti c */
        "    sub sp, sp, 176\n"
        "    EACH_POISONED str, sp\n"
        "    str x30, [sp, 160]\n"
        "    mov x16, x0\n"
        "    mov w0, w1\n"
        "    adrp x17, seen\n"
        "    add x17, x17, :lo12:seen\n"
        "    EACH_POISONED ldr, x17\n"
        "    mov x9, sp\n"
        "    str x9, [x17, 19 * 8]\n"
        "    blr x16\n"
        "    adrp x17, seen\n"
        "    add x17, x17, :lo12:seen\n"
        "    EACH_POISONED str, x17\n"
        "    mov x9, sp\n"
        "    str x9, [x17, 20 * 8]\n"
        "    ldr x9, [x17, 19 * 8]\n"
        "    mov sp, x9\n"
        "    EACH_POISONED ldr, sp\n"
        "    ldr x30, [sp, 160]\n"
        "    add sp, sp, 176\n"
        "    ret\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
