/* SPDX-License-Identifier: MIT */
/* A call through a slot leaves the stack pointer and the callee's registers as they were. */
#include "check.h"

#ifdef __x86_64__

/*
 * int call_poisoned(adder *code, int argument)
 *   rdi  code      esi  argument
 * Calls code(argument) with known values in rbx, rbp and r12 to r15, which a callee must
 * preserve, and stores what is there afterwards in `seen`, with the stack pointer before and after.
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
        "    mov $0x1111, %rbx\n"
        "    mov $0x2222, %rbp\n"
        "    mov $0x3333, %r12\n"
        "    mov $0x4444, %r13\n"
        "    mov $0x5555, %r14\n"
        "    mov $0x6666, %r15\n"
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

int call_poisoned(adder *code, int argument);

__attribute__((visibility("hidden"))) uint64_t seen[8];

static void check(adder *code, int number)
{
    static const uint64_t poison[] = {0x1111, 0x2222, 0x3333, 0x4444, 0x5555, 0x6666};

    memset(seen, 0, sizeof(seen));
    CHECK(call_poisoned(code, 1000) == number + 1000, "call of closure %d", number);
    for (int i = 0; i < 6; i++)
        CHECK(seen[i] == poison[i], "closure %d: register %d is %#lx", number, i, seen[i]);
    CHECK(seen[6] == seen[7], "closure %d: the stack pointer moved by %ld", number,
          (long)(seen[7] - seen[6]));
}

int main(void)
{
    struct many many = make_many(TRAMPFD_BLOCK_SLOTS + 100);

    for (int i = 0; i < many.count; i++)
        check(many.code[i], i);
    free_many(many);
    return 0;
}

#else

int main(void)
{
    SKIP("written for x86-64 only");
}

#endif
