/* SPDX-License-Identifier: MIT */
/* i386: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* ebx, esi, edi and ebp; of each value the lower half. */
#define POISONED 4

/*
 * int call_poisoned(adder *code, int argument)
 *   32(%esp)  code      36(%esp)  argument, after what is pushed
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".text\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, @function\n"
        "call_poisoned:\n"
        "    push %ebx\n"
        "    push %esi\n"
        "    push %edi\n"
        "    push %ebp\n"
        "    sub $12, %esp\n"
        "    mov 36(%esp), %eax\n"
        "    mov %eax, (%esp)\n"
        "    mov 32(%esp), %edx\n"
        "    call 1f\n"
        "1:  pop %ecx\n"
        "    lea seen - 1b(%ecx), %ecx\n"
        "    mov (%ecx), %ebx\n"
        "    mov 8(%ecx), %esi\n"
        "    mov 16(%ecx), %edi\n"
        "    mov 24(%ecx), %ebp\n"
        "    mov %esp, 32(%ecx)\n"
        "    call *%edx\n"
        "    call 2f\n"
        "2:  pop %ecx\n"
        "    lea seen - 2b(%ecx), %ecx\n"
        "    mov %esp, 40(%ecx)\n"
        "    mov %ebx, (%ecx)\n"
        "    mov %esi, 8(%ecx)\n"
        "    mov %edi, 16(%ecx)\n"
        "    mov %ebp, 24(%ecx)\n"
        "    mov 32(%ecx), %esp\n"
        "    add $12, %esp\n"
        "    pop %ebp\n"
        "    pop %edi\n"
        "    pop %esi\n"
        "    pop %ebx\n"
        "    ret\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
