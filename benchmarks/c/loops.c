/* SPDX-License-Identifier: MIT */
#include "loops.h"

#include <complex.h>
#include <pthread.h>
#include <string.h>
#include <time.h>

typedef struct {
    long first;
    double second;
} pair;
typedef struct {
    float x, y;
} point;
typedef struct {
    long words[4];
} large;

#define HANDLER(name) static void name(ffi_cif *cif, void *result, void **a, void *user_data)

#define ARGUMENT(type, i) (*(type *)a[i])

static void nothing_direct(void)
{
}

HANDLER(nothing_handler)
{
    (void)cif, (void)result, (void)a, (void)user_data;
}

static double nothing_call(void *code, long count)
{
    for (long i = 0; i < count; i++)
        ((void (*)(void))code)();
    return (double)count;
}

static signed char byte_direct(signed char a)
{
    return (signed char)(a + 1);
}

HANDLER(byte_handler)
{
    (void)cif, (void)user_data;
    *(ffi_sarg *)result = (signed char)(ARGUMENT(signed char, 0) + 1);
}

static double byte_call(void *code, long count)
{
    long sum = 0;

    for (long i = 0; i < count; i++)
        sum += ((signed char (*)(signed char))code)((signed char)(i & 63));
    return (double)sum;
}

static int ints_direct(int a, int b)
{
    return a + b;
}

HANDLER(ints_handler)
{
    (void)cif, (void)user_data;
    *(ffi_sarg *)result = ARGUMENT(int, 0) + ARGUMENT(int, 1);
}

static double ints_call(void *code, long count)
{
    long sum = 0;

    for (long i = 0; i < count; i++)
        sum += ((int (*)(int, int))code)((int)i, 1);
    return (double)sum;
}

static long longs_direct(long a, long b, long c, long d, long e, long f, long g, long h)
{
    return a + b + c + d + e + f + g + h;
}

HANDLER(longs_handler)
{
    long sum = 0;

    (void)cif, (void)user_data;
    for (int i = 0; i < 8; i++)
        sum += ARGUMENT(long, i);
    *(long *)result = sum;
}

static double longs_call(void *code, long count)
{
    long sum = 0;

    for (long i = 0; i < count; i++)
        sum += ((long (*)(long, long, long, long, long, long, long, long))code)(i, 1, 2, 3, 4, 5, 6,
                                                                                7);
    return (double)sum;
}

static double doubles_direct(double a, double b, double c, double d, double e, double f)
{
    return a + b + c + d + e + f;
}

HANDLER(doubles_handler)
{
    double sum = 0;

    (void)cif, (void)user_data;
    for (int i = 0; i < 6; i++)
        sum += ARGUMENT(double, i);
    *(double *)result = sum;
}

static double doubles_call(void *code, long count)
{
    typedef double function(double, double, double, double, double, double);
    double sum = 0;

    for (long i = 0; i < count; i++)
        sum += ((function *)code)((double)i, 1, 2, 3, 4, 5);
    return sum;
}

static pair pair_direct(pair a)
{
    return (pair){a.first + 1, a.second};
}

HANDLER(pair_handler)
{
    const pair *in = a[0];

    (void)cif, (void)user_data;
    *(pair *)result = (pair){in->first + 1, in->second};
}

static double pair_call(void *code, long count)
{
    double sum = 0;

    for (long i = 0; i < count; i++) {
        pair out = ((pair (*)(pair))code)((pair){i, 2});

        sum += (double)out.first + out.second;
    }
    return sum;
}

static point point_direct(point a)
{
    return (point){a.y, a.x};
}

HANDLER(point_handler)
{
    const point *in = a[0];

    (void)cif, (void)user_data;
    *(point *)result = (point){in->y, in->x};
}

static double point_call(void *code, long count)
{
    double sum = 0;

    for (long i = 0; i < count; i++) {
        point out = ((point (*)(point))code)((point){1, 2});

        sum += out.x + 2 * out.y;
    }
    return sum;
}

static large large_direct(large a)
{
    return (large){{a.words[0] + 1, a.words[1], a.words[2], a.words[3]}};
}

HANDLER(large_handler)
{
    const large *in = a[0];

    (void)cif, (void)user_data;
    *(large *)result = (large){{in->words[0] + 1, in->words[1], in->words[2], in->words[3]}};
}

static double large_call(void *code, long count)
{
    long sum = 0;

    for (long i = 0; i < count; i++) {
        large out = ((large (*)(large))code)((large){{i, 1, 2, 3}});

        sum += out.words[0] + out.words[3];
    }
    return (double)sum;
}

static long double extended_direct(long double a)
{
    return a + 1;
}

HANDLER(extended_handler)
{
    (void)cif, (void)user_data;
    *(long double *)result = ARGUMENT(long double, 0) + 1;
}

static double extended_call(void *code, long count)
{
    double sum = 0;

    for (long i = 0; i < count; i++)
        sum += (double)((long double (*)(long double))code)(i);
    return sum;
}

static double complex complex_direct(double complex a)
{
    return a + 1;
}

HANDLER(complex_handler)
{
    (void)cif, (void)user_data;
    *(double complex *)result = ARGUMENT(double complex, 0) + 1;
}

static double complex_call(void *code, long count)
{
    double sum = 0;

    for (long i = 0; i < count; i++) {
        double complex out = ((double complex (*)(double complex))code)((double)i + 2 * I);

        sum += creal(out) + cimag(out);
    }
    return sum;
}

/* With all ten to be marshalled and three to be read, marshalling is what is measured. */
static long mixed_direct(int a, double b, long c, float d, int e, double f, long g, int h, long i,
                         long j)
{
    (void)c, (void)d, (void)e, (void)f, (void)g, (void)h, (void)i;
    return a + (long)b + j;
}

HANDLER(mixed_handler)
{
    (void)cif, (void)user_data;
    *(long *)result = ARGUMENT(int, 0) + (long)ARGUMENT(double, 1) + ARGUMENT(long, 9);
}

static double mixed_call(void *code, long count)
{
    typedef long function(int, double, long, float, int, double, long, int, long, long);
    long sum = 0;

    for (long i = 0; i < count; i++)
        sum += ((function *)code)((int)i, 1, 2, 3, 4, 5, 6, 7, 8, 9);
    return (double)sum;
}

#define LOOP(id, title) {title, id##_call, (void *)id##_direct, id##_handler}

static const struct loop loops[] = {
    LOOP(nothing, "no arguments"),
    LOOP(byte, "1 signed char"),
    LOOP(ints, "2 ints"),
    LOOP(longs, "8 longs"),
    LOOP(doubles, "6 doubles"),
    LOOP(pair, "16-byte struct"),
    LOOP(point, "8-byte struct of floats"),
    LOOP(large, "32-byte struct"),
    LOOP(extended, "1 long double"),
    LOOP(complex, "1 double complex"),
    LOOP(mixed, "10 mixed"),
};

const struct loop *loop_find(const char *name)
{
    for (size_t i = 0; i < sizeof(loops) / sizeof(*loops); i++)
        if (!strcmp(loops[i].name, name))
            return &loops[i];
    return NULL;
}

struct work {
    double (*call)(void *code, long count);
    void *code;
    long count;
    double sum, seconds;
};

static double now(void)
{
    struct timespec time;

    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void *work(void *argument)
{
    struct work *work = argument;
    double start = now();

    work->sum = work->call(work->code, work->count);
    work->seconds = now() - start;
    return NULL;
}

double loop_time_in_thread(const struct loop *loop, void *code, long count, double *sum)
{
    struct work task = {.call = loop->call, .code = code, .count = count};
    pthread_t thread;

    if (pthread_create(&thread, NULL, work, &task))
        return __builtin_nan("");
    pthread_join(thread, NULL);
    *sum = task.sum;
    return task.seconds;
}
