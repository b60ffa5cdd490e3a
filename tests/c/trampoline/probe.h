/* SPDX-License-Identifier: MIT */
/*
 * What the tests of trampolines share.  Each is run with the name of a backend as its argument.
 *
 * probe_call() calls an address with every register, the flags and the stack around known, and
 * `probe`, where trampolines lead, notes what it finds there.
 */
#ifndef TRAMPOLINE_PROBE_H
#define TRAMPOLINE_PROBE_H

#include "check.h"

#include <signal.h>
#include <sys/mman.h>

#ifndef __x86_64__
#error "the probe is written for x86-64"
#endif

/* In the order of the kernel's interface. */
static const char *const register_names[] = {
    "rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "r8",
    "r9",  "r10", "r11", "r12", "r13", "r14", "r15",
};

#define REGISTERS 15
#define R10 9
#define STACK_BYTES 65536  /* room for the frames of signals */
#define STACK_WATCHED 1024 /* bytes on both sides of SP */
#define STACK_FILL 0xa5
#define MOST_FLAGS 0x8d5 /* carry, parity, adjust, zero, sign, overflow */
#define TRAP_FLAG 0x100

/* What probe_call() gives and what the probe finds; shared with the assembly below. */
__attribute__((visibility("hidden"))) struct probed {
    uint64_t target;                      /* 0 */
    uint64_t stack;                       /* 8: stack pointer before the call */
    uint64_t flags_in;                    /* 16 */
    uint64_t old_stack;                   /* 24 */
    uint64_t flags;                       /* 32 */
    uint64_t sp;                          /* 40 */
    uint64_t in[REGISTERS];               /* 48 */
    uint64_t found[REGISTERS];            /* 168 */
    uint64_t xmm_in[2], xmm_found[2];     /* 288, 304 */
    unsigned char own_stack[STACK_BYTES]; /* 320 */
} probed;

__asm__(".text\n"
        ".type probe_enter, @function\n"
        "probe_enter:\n"
        "    push %rbx\n"
        "    push %rbp\n"
        "    push %r12\n"
        "    push %r13\n"
        "    push %r14\n"
        "    push %r15\n"
        "    mov %rsp, probed+24(%rip)\n"
        "    mov probed+8(%rip), %rsp\n"
        "    movdqu probed+288(%rip), %xmm7\n"
        "    mov probed+48(%rip), %rax\n"
        "    mov probed+56(%rip), %rbx\n"
        "    mov probed+64(%rip), %rcx\n"
        "    mov probed+72(%rip), %rdx\n"
        "    mov probed+80(%rip), %rsi\n"
        "    mov probed+88(%rip), %rdi\n"
        "    mov probed+96(%rip), %rbp\n"
        "    mov probed+104(%rip), %r8\n"
        "    mov probed+112(%rip), %r9\n"
        "    mov probed+120(%rip), %r10\n"
        "    mov probed+128(%rip), %r11\n"
        "    mov probed+136(%rip), %r12\n"
        "    mov probed+144(%rip), %r13\n"
        "    mov probed+152(%rip), %r14\n"
        "    mov probed+160(%rip), %r15\n"
        /* The flags come from the own stack, so that this one has no trace of them. */
        "    lea probed+320+65536-64(%rip), %rsp\n"
        "    push probed+16(%rip)\n"
        "    popfq\n"
        "    mov probed+8(%rip), %rsp\n"
        "    call *probed(%rip)\n"
        "    ud2\n"
        ".size probe_enter, . - probe_enter\n"
        ".globl probe\n"
        ".type probe, @function\n"
        "probe:\n"
        "    endbr64\n"
        "    mov %rsp, probed+40(%rip)\n"
        "    lea probed+320+65536-64(%rip), %rsp\n"
        "    pushfq\n"
        "    pop probed+32(%rip)\n"
        "    push $2\n"
        "    popfq\n"
        "    mov %rax, probed+168(%rip)\n"
        "    mov %rbx, probed+176(%rip)\n"
        "    mov %rcx, probed+184(%rip)\n"
        "    mov %rdx, probed+192(%rip)\n"
        "    mov %rsi, probed+200(%rip)\n"
        "    mov %rdi, probed+208(%rip)\n"
        "    mov %rbp, probed+216(%rip)\n"
        "    mov %r8, probed+224(%rip)\n"
        "    mov %r9, probed+232(%rip)\n"
        "    mov %r10, probed+240(%rip)\n"
        "    mov %r11, probed+248(%rip)\n"
        "    mov %r12, probed+256(%rip)\n"
        "    mov %r13, probed+264(%rip)\n"
        "    mov %r14, probed+272(%rip)\n"
        "    mov %r15, probed+280(%rip)\n"
        "    movdqu %xmm7, probed+304(%rip)\n"
        "    mov probed+24(%rip), %rsp\n"
        "    pop %r15\n"
        "    pop %r14\n"
        "    pop %r13\n"
        "    pop %r12\n"
        "    pop %rbp\n"
        "    pop %rbx\n"
        "    ret\n"
        ".size probe, . - probe\n");

void probe_enter(void);
void probe(void);

/* The stack that the trampoline is called on, and where its pointer is on entry. */
static unsigned char probe_stack[STACK_BYTES] __attribute__((aligned(16)));
static unsigned char *entry_sp;

static inline const unsigned char *first_watched(void)
{
    return entry_sp - STACK_WATCHED + 8;
}

/* `shift` moves the stack pointer on entry from where functions expect it. */
static inline void probe_call(void *address, unsigned shift, uint64_t flags)
{
    unsigned char *top = probe_stack + STACK_BYTES - 2 * STACK_WATCHED - shift;

    memset(top - STACK_WATCHED, STACK_FILL, 2 * STACK_WATCHED);
    memset(&probed, 0, offsetof(struct probed, own_stack));
    for (unsigned i = 0; i < REGISTERS; i++)
        probed.in[i] = (i + 1) * 0x0101010101010101;
    probed.xmm_in[0] = 0x1122334455667788;
    probed.xmm_in[1] = 0x99aabbccddeeff00;
    probed.target = (uintptr_t)address;
    probed.stack = (uintptr_t)top;
    probed.flags_in = flags;
    entry_sp = top - 8;
    probe_enter();
}

/* `probed.found` is what was there on entry but for the registers of the context. */
static inline void check_registers(const struct trampfd_context *context, const char *backend)
{
    uint64_t expected[REGISTERS];
    int names_r10 = 0;

    memcpy(expected, probed.in, sizeof(expected));
    for (unsigned n = 0; n < context->nregs; n++)
        for (unsigned i = 0; i < REGISTERS; i++)
            if (!strcmp(context->regs[n].name, register_names[i])) {
                expected[i] = context->regs[n].value;
                names_r10 |= i == R10;
            }
    for (unsigned i = 0; i < REGISTERS; i++)
        if (i != R10 || names_r10 || strcmp(backend, "context"))
            CHECK(probed.found[i] == expected[i], "%s: %s is %#lx, not %#lx", backend,
                  register_names[i], probed.found[i], expected[i]);
    CHECK(!memcmp(probed.xmm_in, probed.xmm_found, sizeof(probed.xmm_in)), "%s: xmm7", backend);
    CHECK((probed.flags & MOST_FLAGS) == (probed.flags_in & MOST_FLAGS),
          "%s: flags are %#lx, not %#lx", backend, probed.flags, probed.flags_in);
}

static inline struct trampfd_trampoline *create(const struct trampfd_context *context,
                                                const char *backend)
{
    struct trampfd_trail trail;
    struct trampfd_trampoline *made = trampfd_trampoline_create(context, NULL, backend, &trail);

    if (!made)
        describe(&trail);
    CHECK(made, "%s: %s", backend, strerror(errno));
    CHECK(!strcmp(trampfd_trampoline_backend(made), backend), "%s",
          trampfd_trampoline_backend(made));
    return made;
}

/* Slots of the kernel's have descriptors, which their provider keeps for the next closure. */
static inline unsigned count_own_descriptors(const char *backend)
{
    return strcmp(backend, "context") ? count_descriptors() : 0;
}

/* The backend that the test is for. */
static inline const char *backend_of(int count, char **arguments)
{
    CHECK(count > 1, "usage: %s BACKEND", arguments[0]);
    if (!strcmp(arguments[1], "trampfd-user") && access("/dev/trampfd", F_OK))
        SKIP("trampfd: no /dev/trampfd");
    return arguments[1];
}

#endif
