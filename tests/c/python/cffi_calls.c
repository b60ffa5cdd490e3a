/* SPDX-License-Identifier: MIT */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdint.h>
#include <uchar.h>

#include "cffi_calls.h"

int call_int(int_fn f, int x)
{
    return f(x);
}

word call_word(word_fn f, word x, word y)
{
    return f(x, y);
}

void call_void(void (*f)(void))
{
    f();
}

void call_void_int(void (*f)(int), int x)
{
    f(x);
}

void *call_pointer(void *(*f)(void *), void *x)
{
    return f(x);
}

char *call_string(char *(*f)(char *), char *s)
{
    return f(s);
}

int call_array(int (*f)(int[3]))
{
    int array[3] = {10, 20, 30};

    return 1000 * f(array) + array[0];
}

int_fn call_maker(int_fn (*f)(int), int x)
{
    return f(x);
}

static int negate(int x)
{
    return -x;
}

int call_caller(int (*f)(int_fn, int), int x)
{
    return f(negate, x);
}

int call_holder(struct holder *holder, int x)
{
    return holder->number + holder->function(x);
}

struct pair call_pair(struct pair (*f)(struct pair), struct pair p)
{
    return f(p);
}

struct shape call_shape(struct shape (*f)(int, struct shape, double), struct shape s)
{
    return f(7, s, 0.5);
}

int call_shape_pointer(int (*f)(struct shape *), struct shape *s)
{
    return f(s);
}

int call_extended(long double (*f)(long double))
{
    return f(1 + 0x1p-60L) == 0x1p-60L + 0x1p-119L;
}

/* The type that a function is called with, and not the one that it has. */
typedef int (*raw_fn)(unsigned long);

int call_raw_bool(int (*f)(_Bool), unsigned long raw)
{
    return ((raw_fn)(uintptr_t)f)(raw);
}

int call_raw_char32(int (*f)(char32_t), unsigned long raw)
{
    return ((raw_fn)(uintptr_t)f)(raw);
}

int call_raw_int8(int (*f)(int8_t), unsigned long raw)
{
    return ((raw_fn)(uintptr_t)f)(raw);
}

int call_raw_uint16(int (*f)(uint16_t), unsigned long raw)
{
    return ((raw_fn)(uintptr_t)f)(raw);
}

int call_errno(int_fn f, int x, int before)
{
    errno = before;
    f(x);
    return errno;
}

long get_raw(void *f)
{
    return ((long (*)(void))(uintptr_t)f)();
}

#define GET(name, type)                                                                            \
    type get_##name(type (*f)(void))                                                               \
    {                                                                                              \
        return f();                                                                                \
    }

GET(schar, signed char)
GET(uint8, uint8_t)
GET(short, short)
GET(uint16, uint16_t)
GET(int, int)
GET(uint32, uint32_t)
GET(int64, int64_t)
GET(uint64, uint64_t)
GET(bool, _Bool)
GET(char, char)
GET(wchar, wchar_t)
GET(char16, char16_t)
GET(float, float)
GET(double, double)
GET(long_double, long double)
GET(colour, enum colour)
GET(step, enum step)
GET(pointer, void *)
GET(string, char *)
GET(pair_pointer, struct pair *)
GET(function, int_fn)
GET(pair, struct pair)
GET(shape, struct shape)

void get_void(void (*f)(void))
{
    f();
}
