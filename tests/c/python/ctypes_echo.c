/* SPDX-License-Identifier: MIT */
/*
 * The C side of the tests of ctypes callbacks: functions that take a function pointer and
 * call it.  Values go in and out by address, so that ctypes converts nothing but what the
 * callback itself gets and gives.
 */
#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

/* *out = callback(*in) */
#define ECHO(name, type)                                                                           \
    void echo_##name(type (*callback)(type), type const *in, type *out)                            \
    {                                                                                              \
        *out = callback(*in);                                                                      \
    }

ECHO(b, signed char)
ECHO(B, unsigned char)
ECHO(h, short)
ECHO(H, unsigned short)
ECHO(i, int)
ECHO(I, unsigned)
ECHO(l, long)
ECHO(L, unsigned long)
ECHO(q, long long)
ECHO(Q, unsigned long long)
ECHO(f, float)
ECHO(d, double)
ECHO(g, long double)
ECHO(c, char)
ECHO(u, wchar_t)
ECHO(P, void *)

/* _Bool apart: a byte other than 0 and 1 in one is undefined, so the byte is made here. */
void echo_bool(_Bool (*callback)(_Bool), const char *in, unsigned char *out)
{
    *out = callback(*in != 0);
}

/* The pointer itself, for arrays, structures by reference, strings and function pointers. */
void give_pointer(void (*callback)(void *), void *pointer)
{
    callback(pointer);
}

void call_without_arguments(void (*callback)(void))
{
    callback();
}

int call_int(int (*callback)(int), int value)
{
    return callback(value);
}

/* Returns errno as it is after the call. */
int call_with_errno(void (*callback)(void), int before)
{
    errno = before;
    callback();
    return errno;
}

int call_twice(int (*callback)(int), int value)
{
    return callback(callback(value));
}

struct table {
    int (*first)(int);
    int (*second)(int);
};

int call_table(const struct table *table, int value)
{
    return table->second(table->first(value));
}

int call_each(int (*const *callbacks)(int), size_t count, int value)
{
    for (size_t i = 0; i < count; i++)
        value = callbacks[i](value);
    return value;
}

static int (*remembered)(int);

void remember(int (*callback)(int))
{
    remembered = callback;
}

int call_remembered(int value)
{
    return remembered(value);
}

static void call_remembered_with_0(void)
{
    remembered(0);
}

int call_remembered_at_exit(void)
{
    return atexit(call_remembered_with_0);
}

struct work {
    int (*callback)(int);
    int calls;
    int sum;
};

static void *do_work(void *argument)
{
    struct work *work = argument;

    for (int i = 0; i < work->calls; i++)
        work->sum += work->callback(i);
    return NULL;
}

/* The sum of callback(0) ... callback(calls - 1) over all threads, or -1. */
int call_in_threads(int (*callback)(int), int threads, int calls)
{
    pthread_t ids[64];
    struct work works[64];
    int started, sum = 0;

    for (started = 0; started < threads && started < 64; started++) {
        works[started] = (struct work){callback, calls, 0};
        if (pthread_create(&ids[started], NULL, do_work, &works[started]))
            break;
    }
    for (int i = 0; i < started; i++) {
        if (pthread_join(ids[i], NULL))
            return -1;
        sum += works[i].sum;
    }
    return started == threads ? sum : -1;
}

/*
 * An argument that gcc puts in memory and libffi looks for in registers: these hold a known
 * value.
 */
struct __attribute__((packed)) packed {
    char tag;
    int value;
};

void give_packed(void (*callback)(struct packed, long), const struct packed *in, long word)
{
    callback(*in, word);
}
