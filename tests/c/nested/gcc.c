/* SPDX-License-Identifier: MIT */
/* Real nested functions, for a GCC that has -ftrampoline-impl=heap. */
#include "check.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>

/* Of trampfd's library; NULL where libgcc makes the pointers, which counts nothing. */
static void (*read_status)(struct trampfd_status *);

static size_t pointers(void)
{
    struct trampfd_status status = {.slots_used = 0};

    if (read_status)
        read_status(&status);
    return status.slots_used;
}

static int sort_falling(int *numbers, size_t count)
{
    int comparisons = 0;
    int compare(const void *a, const void *b)
    {
        comparisons++;
        return *(const int *)b - *(const int *)a;
    }

    qsort(numbers, count, sizeof(int), compare);
    return comparisons;
}

static void check_sort(void)
{
    int numbers[1000];

    for (int i = 0; i < 1000; i++)
        numbers[i] = i * 7919 % 1000;
    CHECK(sort_falling(numbers, 1000) > 1000, "comparisons are counted");
    for (int i = 0; i < 1000; i++)
        CHECK(numbers[i] == 999 - i, "number %d is %d", i, numbers[i]);
}

/* Each level calls the pointer of the level above: Knuth's "man or boy" test. */
static int man_or_boy(int k, int (*x1)(void), int (*x2)(void), int (*x3)(void), int (*x4)(void),
                      int (*x5)(void))
{
    int b(void)
    {
        k--;
        return man_or_boy(k, b, x1, x2, x3, x4);
    }

    return k <= 0 ? x4() + x5() : b();
}

static void check_recursion(void)
{
    int one(void)
    {
        return 1;
    }
    int minus_one(void)
    {
        return -1;
    }
    int zero(void)
    {
        return 0;
    }

    CHECK(man_or_boy(10, one, minus_one, minus_one, one, zero) == -67, "man or boy");
}

static __attribute__((noinline)) void call(void (*function)(int), int argument)
{
    int in_between = argument;
    void pass(int more)
    {
        function(in_between + more);
    }
    void (*volatile pointer)(int) = pass;

    pointer(0);
}

static int leave_by_goto(int argument)
{
    __label__ out;
    int found = 0;
    void leave(int value)
    {
        found = value;
        goto out;
    }

    call(leave, argument);
    abort();
out:
    return found;
}

static int leave_by_longjmp(int argument)
{
    jmp_buf back;
    volatile int found = 0;
    void leave(int value)
    {
        found = value;
        longjmp(back, 1);
    }

    if (!setjmp(back))
        call(leave, argument);
    return found;
}

static void check_leaving(void)
{
    for (int i = 1; i < 1000; i++) {
        CHECK(leave_by_goto(i) == i, "goto %d", i);
        CHECK(leave_by_longjmp(i) == i, "longjmp %d", i);
    }
    check_sort();
    CHECK(pointers() == 0, "%zu pointers are left", pointers());
}

/* From a C++ file: calls the function and returns what it throws, or -1. */
int catch_int(void (*function)(int), int argument);
void throw_int(int value);

static void check_exceptions(void)
{
    int seen = 0;
    void thrower(int value)
    {
        seen++;
        throw_int(value);
    }
    void through(int value)
    {
        call(thrower, value);
    }

    for (int i = 0; i < 1000; i++)
        CHECK(catch_int(through, i) == i, "exception %d", i);
    CHECK(seen == 1000, "%d calls", seen);
    CHECK(pointers() == (read_status ? 2 : 0), "%zu pointers are left", pointers());
}

static void *thread(void *unused)
{
    for (int i = 0; i < 20; i++) {
        check_sort();
        check_recursion();
    }
    return unused;
}

static void check_threads(void)
{
    pthread_t threads[4];

    for (int i = 0; i < 4; i++)
        CHECK(!pthread_create(&threads[i], NULL, thread, NULL), "thread %d", i);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    CHECK(pointers() == 0, "%zu pointers are left", pointers());
}

static void check_wx(void)
{
    int value = 3;
    int get(void)
    {
        check_w_xor_x();
        return value;
    }
    int (*volatile pointer)(void) = get;

    CHECK(pointer() == 3, "called");
}

int main(int argc, char **argv)
{
    int is_ours = argc == 2 && !strcmp(argv[1], "ours");

    *(void **)&read_status = dlsym(RTLD_DEFAULT, "trampfd_status_read");
    CHECK(is_ours == (read_status != NULL), "who makes the pointers");
    check_sort();
    check_recursion();
    check_leaving();
    check_exceptions();
    check_threads();
    if (is_ours)
        check_wx();
    return 0;
}
