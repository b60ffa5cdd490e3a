/* SPDX-License-Identifier: MIT */
/* IBM Z: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* r6 to r13, and f8 to f15. */
#define POISONED 16

/*
 * int call_poisoned(adder *code, int argument)
 *   r2  code      r3  argument
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".macro EACH_DOUBLE instruction, base, at\n"
        "    .set offset, \\at\n"
        "    .irp register, %f8, %f9, %f10, %f11, %f12, %f13, %f14, %f15\n"
        "    \\instruction \\register, offset(\\base)\n"
        "    .set offset, offset + 8\n"
        "    .endr\n"
        ".endm\n"
        ".text\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, @function\n"
        "call_poisoned:\n"
        "    stmg %r6, %r15, 48(%r15)\n"
        "    aghi %r15, -224\n"
        "    EACH_DOUBLE std, %r15, 160\n"
        "    lgr %r1, %r2\n"
        "    lgr %r2, %r3\n"
        "    larl %r5, seen\n"
        "    lmg %r6, %r13, 0(%r5)\n"
        "    EACH_DOUBLE ld, %r5, 64\n"
        "    stg %r15, 16 * 8(%r5)\n"
        "    basr %r14, %r1\n"
        "    larl %r5, seen\n"
        "    stmg %r6, %r13, 0(%r5)\n"
        "    EACH_DOUBLE std, %r5, 64\n"
        "    stg %r15, 17 * 8(%r5)\n"
        "    lg %r15, 16 * 8(%r5)\n"
        "    EACH_DOUBLE ld, %r15, 160\n"
        "    aghi %r15, 224\n"
        "    lmg %r6, %r15, 48(%r15)\n"
        "    br %r14\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
