/* SPDX-License-Identifier: MIT */
/* RISC-V: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* s0 to s11, and fs0 to fs11. */
#define POISONED 24

/*
 * int call_poisoned(adder *code, int argument)
 *   a0  code      a1  argument
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".macro EACH_POISONED word, double, base\n"
        "    .set at, 0\n"
        "    .irp register, s0, s1, s2, s3, s4, s5, s6, s7, s8, s9, s10, s11\n"
        "    \\word \\register, at(\\base)\n"
        "    .set at, at + 8\n"
        "    .endr\n"
        "    .irp register, fs0, fs1, fs2, fs3, fs4, fs5, fs6, fs7, fs8, fs9, fs10, fs11\n"
        "    \\double \\register, at(\\base)\n"
        "    .set at, at + 8\n"
        "    .endr\n"
        ".endm\n"
        ".text\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, @function\n"
        "call_poisoned:\n"
        "    addi sp, sp, -208\n"
        "    EACH_POISONED sd, fsd, sp\n"
        "    sd ra, 192(sp)\n"
        "    mv t0, a0\n"
        "    mv a0, a1\n"
        "    lla t1, seen\n"
        "    EACH_POISONED ld, fld, t1\n"
        "    sd sp, 24 * 8(t1)\n"
        "    jalr t0\n"
        "    lla t1, seen\n"
        "    EACH_POISONED sd, fsd, t1\n"
        "    sd sp, 25 * 8(t1)\n"
        "    ld sp, 24 * 8(t1)\n"
        "    EACH_POISONED ld, fld, sp\n"
        "    ld ra, 192(sp)\n"
        "    addi sp, sp, 208\n"
        "    ret\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
