/* SPDX-License-Identifier: MIT */
/* POWER: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* r14 to r31, and f14 to f31. */
#define POISONED 36

/*
 * int call_poisoned(adder *code, int argument)
 *   r3  code      r4  argument
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".macro EACH_POISONED word, double, base, at\n"
        "    .set offset, \\at\n"
        "    .irp number, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31\n"
        "    \\word \\number, offset(\\base)\n"
        "    \\double \\number, offset + 18 * 8(\\base)\n"
        "    .set offset, offset + 8\n"
        "    .endr\n"
        ".endm\n"
        ".macro FIND_SEEN\n"
        "    addis 5, 2, seen@toc@ha\n"
        "    addi 5, 5, seen@toc@l\n"
        ".endm\n"
        ".text\n"
        ".balign 4\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, @function\n"
        "call_poisoned:\n"
        "0:  addis 2, 12, (.TOC. - 0b)@ha\n"
        "    addi 2, 2, (.TOC. - 0b)@l\n"
        "    .localentry call_poisoned, . - call_poisoned\n"
        "    mflr 0\n"
        "    std 0, 16(1)\n"
        "    stdu 1, -320(1)\n"
        "    EACH_POISONED std, stfd, 1, 32\n"
        "    std 2, 24(1)\n"
        "    mr 12, 3\n"
        "    mr 3, 4\n"
        "    FIND_SEEN\n"
        "    EACH_POISONED ld, lfd, 5, 0\n"
        "    std 1, 36 * 8(5)\n"
        "    mtctr 12\n"
        "    bctrl\n"
        "    ld 2, 24(1)\n"
        "    FIND_SEEN\n"
        "    EACH_POISONED std, stfd, 5, 0\n"
        "    std 1, 37 * 8(5)\n"
        "    ld 1, 36 * 8(5)\n"
        "    EACH_POISONED ld, lfd, 1, 32\n"
        "    addi 1, 1, 320\n"
        "    ld 0, 16(1)\n"
        "    mtlr 0\n"
        "    blr\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
