/* SPDX-License-Identifier: MIT */
/*
 * A debugger or a profiler unwinds the stack
 *
 * from inside a callback, and after each instruction between the caller and the callback, as if a
 * signal had come there: the caller is found.
 *
 * Ways: inside the callback; after each instruction
 * Right: works
 * Not with trampfd-user: its slots are no memory
 */
#include "step.h"

#include <unwind.h>

static struct closure one;
static int each_instruction, missed, looks;

__attribute__((noinline, noclone)) static int caller(void);

static _Unwind_Reason_Code find_caller(struct _Unwind_Context *context, void *found)
{
    if (_Unwind_GetRegionStart(context) == (uintptr_t)caller)
        *(int *)found = 1;
    return _URC_NO_REASON;
}

static void look(void)
{
    int found = 0;

    looks++;
    _Unwind_Backtrace(find_caller, &found);
    missed += !found;
}

static void look_in_callback(ffi_cif *cif, void *result, void **arguments, void *data)
{
    (void)cif, (void)arguments, (void)data;
    look();
    *(ffi_arg *)result = 8;
}

static void look_at_step(int number, siginfo_t *info, void *context)
{
    uintptr_t at = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP];

    (void)number, (void)info;
    if (each_instruction && _Unwind_FindEnclosingFunction((void *)at) != (void *)caller)
        look();
}

/* Has a frame of its own, which is not at the end of the stack. */
static int caller(void)
{
    int got;

    STEPS_BEGIN;
    got = one.code(7);
    STEPS_END;
    return got;
}

int main(int argc, char **argv)
{
    one = make(1);
    each_instruction = way("after each instruction");
    step_with(look_at_step);
    if (!each_instruction)
        ffi_prep_closure_loc(one.writable, adder_cif(), look_in_callback, NULL, (void *)one.code);
    EXPECT(caller() == 8, "a wrong result");
    EXPECT(looks, "nothing was looked at");
    EXPECT(!missed, "the caller is not found at some instructions");
    return 0;
}
