/* SPDX-License-Identifier: MIT */
/*
 * The cost of a call
 *
 * in instructions from caller to handler and back, beside libffi's Go closure, which has no
 * trampoline: the trampoline adds at most ten.
 *
 * Right: works
 * Not with trampfd-user: each call is a fault of the processor
 */
#include "step.h"

static volatile int steps;

static void count(int number, siginfo_t *info, void *context)
{
    (void)number, (void)info, (void)context;
    steps++;
}

/* For a Go closure, which passes itself as the data. */
static void add_one(ffi_cif *cif, void *result, void **arguments, void *data)
{
    (void)data;
    add(cif, result, arguments, (void *)1);
}

static int steps_of_closure(adder *code)
{
    steps = 0;
    STEPS_BEGIN;
    code(7);
    STEPS_END;
    return steps;
}

/* It is found by the register that nested functions have their environment in. */
static int steps_of_go_closure(ffi_go_closure *closure)
{
    register ffi_go_closure *environment __asm__("r10") = closure;
    int argument = 7;

    steps = 0;
    STEPS_BEGIN;
    __asm__ volatile("call *(%%r10)"
                     : "+r"(environment), "+D"(argument)
                     :
                     : "rax", "rcx", "rdx", "rsi", "r8", "r9", "r11", "memory", "cc");
    STEPS_END;
    return steps;
}

int main(void)
{
    struct closure one = make(1);
    ffi_go_closure go;
    int closure, without;

    NEED(ffi_prep_go_closure(&go, adder_cif(), add_one) == FFI_OK, "Go closures");
    step_with(count);
    closure = steps_of_closure(one.code);
    without = steps_of_go_closure(&go);
    EXPECT(closure <= without + 10, "%d instructions; %d without the trampoline", closure, without);
    printf("%d instructions; %d by libffi without a trampoline\n", closure, without);
    return 0;
}
