/* SPDX-License-Identifier: MIT */
/*
 * A closure is called on a small stack
 *
 * of one page, with a page below that cannot be touched.
 *
 * Right: works
 */
#include "mode.h"

#include <sys/mman.h>
#include <ucontext.h>

static ucontext_t main_context, context;
static struct closure one;
static int got;

static void run(void)
{
    got = one.code(7);
}

/* The bytes of a stack of one page that the call has used. */
static size_t used_of(const char *stack, size_t size)
{
    size_t untouched = 0;

    while (untouched < size && !stack[untouched])
        untouched++;
    return size - untouched;
}

static void run_on(char *stack, size_t size)
{
    getcontext(&context);
    context.uc_stack.ss_sp = stack;
    context.uc_stack.ss_size = size;
    context.uc_link = &main_context;
    makecontext(&context, run, 0);
    swapcontext(&main_context, &context);
}

int main(void)
{
    const size_t page = 4096;
    char *memory = mmap(NULL, 2 * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    NEED(memory != MAP_FAILED && !mprotect(memory, page, PROT_NONE), "a stack");
    one = make(1);
    /* The loader looks up functions at their first call, which takes more stack than a page. */
    run();
    got = 0;
    run_on(memory + page, page);
    EXPECT(got == 8, "the call returned %d", got);
    printf("%zu bytes of stack\n", used_of(memory + page, page));
    return 0;
}
