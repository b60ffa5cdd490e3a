/* SPDX-License-Identifier: MIT */
/* 32-bit Arm: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* r4 to r11, of each value the lower half; and d8 to d15. */
#define POISONED 16

/*
 * int call_poisoned(adder *code, int argument)
 *   r0  code      r1  argument
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".text\n"
        ".arm\n"
        ".balign 4\n"
        ".macro EACH_POISONED word, double\n"
        "    .set at, 0\n"
        "    .irp register, r4, r5, r6, r7, r8, r9, r10, r11\n"
        "    \\word \\register, [r2, #at]\n"
        "    .set at, at + 8\n"
        "    .endr\n"
        "    .irp register, d8, d9, d10, d11, d12, d13, d14, d15\n"
        "    \\double \\register, [r2, #at]\n"
        "    .set at, at + 8\n"
        "    .endr\n"
        ".endm\n"
        ".macro FIND_SEEN\n"
        "    ldr r2, 1f\n"
        "2:  add r2, pc, r2\n"
        "    b 3f\n"
        "1:  .word seen - (2b + 8)\n"
        "3:\n"
        ".endm\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, %function\n"
        "call_poisoned:\n"
        "    push {r4, r5, r6, r7, r8, r9, r10, r11, lr}\n"
        "    vpush {d8-d15}\n"
        "    sub sp, sp, #4\n"
        "    mov ip, r0\n"
        "    mov r0, r1\n"
        "    FIND_SEEN\n"
        "    EACH_POISONED ldr, vldr\n"
        "    str sp, [r2, #16 * 8]\n"
        "    blx ip\n"
        "    FIND_SEEN\n"
        "    EACH_POISONED str, vstr\n"
        "    str sp, [r2, #17 * 8]\n"
        "    ldr sp, [r2, #16 * 8]\n"
        "    add sp, sp, #4\n"
        "    vpop {d8-d15}\n"
        "    pop {r4, r5, r6, r7, r8, r9, r10, r11, pc}\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
