/* SPDX-License-Identifier: MIT */
/* x86-64: a call with known values in the registers that a callee must preserve. */
#ifndef POISON_H
#define POISON_H

/* rbx, rbp and r12 to r15. */
#define POISONED 6

/*
 * int call_poisoned(adder *code, int argument)
 *   rdi  code      esi  argument
 * Calls code(argument) with the values of `seen` in those registers, and stores there what they
 * hold afterwards, and then the stack pointer before and after.
 */
__asm__(".text\n"
        ".globl call_poisoned\n"
        ".type call_poisoned, @function\n"
        "call_poisoned:\n"
        "    push %rbx\n"
        "    push %rbp\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    sub $8, %rsp\n"
        "    mov %rdi, %rax\n"
        "    mov %esi, %edi\n"
        "    mov seen(%rip), %rbx\n"
        "    mov seen+8(%rip), %rbp\n"
        "    mov seen+16(%rip), %r12\n"
        "    mov seen+24(%rip), %r13\n"
        "    mov seen+32(%rip), %r14\n"
        "    mov seen+40(%rip), %r15\n"
        "    mov %rsp, seen+48(%rip)\n"
        "    call *%rax\n"
        "    mov %rsp, seen+56(%rip)\n"
        "    mov %rbx, seen(%rip)\n"
        "    mov %rbp, seen+8(%rip)\n"
        "    mov %r12, seen+16(%rip)\n"
        "    mov %r13, seen+24(%rip)\n"
        "    mov %r14, seen+32(%rip)\n"
        "    mov %r15, seen+40(%rip)\n"
        "    mov seen+48(%rip), %rsp\n"
        "    add $8, %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbp\n"
        "    pop %rbx\n"
        "    ret\n"
        ".size call_poisoned, . - call_poisoned\n");

#endif
