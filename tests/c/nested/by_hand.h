/* SPDX-License-Identifier: MIT */
/*
 * Nested functions by hand: what GCC's compiled code does for them, for compilers that do not.
 */
#ifndef NESTED_BY_HAND_H
#define NESTED_BY_HAND_H

#include "check.h"

void __gcc_nested_func_ptr_created(void *chain, void *function, void *pointer);
void __gcc_nested_func_ptr_deleted(void);

/* The static chain register, in the first statement of a function. */
#if defined(__x86_64__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("movq %%r10, %0" : "=r"(name))
#elif defined(__aarch64__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("mov %0, x18" : "=r"(name))
#elif defined(__i386__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("movl %%ecx, %0" : "=r"(name))
#elif defined(__arm__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("mov %0, ip" : "=r"(name))
#elif defined(__riscv)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("mv %0, t2" : "=r"(name))
#elif defined(__powerpc64__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("mr %0, 11" : "=r"(name))
#elif defined(__s390x__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("lgr %0, %%r0" : "=r"(name))
#elif defined(__loongarch__)
#define STATIC_CHAIN(name)                                                                         \
    void *name;                                                                                    \
    __asm__ volatile("move %0, $t8" : "=r"(name))
#endif

/* The variables of a function around others; `value` is what they use. */
struct frame {
    int value;
    adder *pointer[2];
};

static __attribute__((noinline)) int nested_add(int argument)
{
    STATIC_CHAIN(chain);

    return argument + ((struct frame *)chain)->value;
}

static __attribute__((noinline)) int nested_multiply(int argument)
{
    STATIC_CHAIN(chain);

    return argument * ((struct frame *)chain)->value;
}

/* What a function around nested_add() does first; in its own frame, as compiled code does it. */
static inline __attribute__((always_inline)) void enter(struct frame *frame, int value)
{
    frame->value = value;
    __gcc_nested_func_ptr_created(frame, (void *)(uintptr_t)nested_add, &frame->pointer[0]);
}

static inline __attribute__((always_inline)) void enter_with_two(struct frame *frame, int value)
{
    enter(frame, value);
    __gcc_nested_func_ptr_created(frame, (void *)(uintptr_t)nested_multiply, &frame->pointer[1]);
}

static inline size_t pointers(void)
{
    return status_now().slots_used;
}

#endif
