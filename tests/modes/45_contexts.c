/* SPDX-License-Identifier: MIT */
/*
 * Callbacks switch stacks (swapcontext)
 *
 * so that calls of closures on several stacks return in another order than they were made, and one
 * never returns.
 *
 * Right: works
 */
#include "mode.h"

#include <ucontext.h>

enum { STACKS = 10, STACK_SIZE = 65536 };

static ucontext_t main_context, context[STACKS];
static char stack[STACKS][STACK_SIZE];
static struct closure one;
static int returned[STACKS];

/* Goes back to main() from inside the callback, and on when main() comes back. */
static void leave(ffi_cif *cif, void *result, void **arguments, void *data)
{
    int number = *(int *)arguments[0];

    swapcontext(&context[number], &main_context);
    add(cif, result, arguments, data);
}

static void run(int number)
{
    returned[number] = one.code(number);
    swapcontext(&context[number], &main_context);
}

int main(void)
{
    one = make(1);
    ffi_prep_closure_loc(one.writable, adder_cif(), leave, (void *)1, (void *)one.code);
    for (int i = 0; i < STACKS; i++) {
        getcontext(&context[i]);
        context[i].uc_stack.ss_sp = stack[i];
        context[i].uc_stack.ss_size = STACK_SIZE;
        makecontext(&context[i], (void (*)(void))run, 1, i);
        swapcontext(&main_context, &context[i]);
    }
    for (int i = 1; i < STACKS; i++) {
        int number = i * 7 % STACKS;

        if (number)
            swapcontext(&main_context, &context[number]);
    }
    for (int i = 1; i < STACKS; i++)
        EXPECT(returned[i] == i + 1, "call %d returned %d", i, returned[i]);
    EXPECT(!returned[0], "a call returned that was left for good");
    release(one);
    grow();
    return 0;
}
