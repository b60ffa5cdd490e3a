/* SPDX-License-Identifier: MIT */
/*
 * Callers of Python functions, by the kinds of their arguments.  Each calls `code` so often and
 * returns the sum of the results, which is the count if each argument arrives and is returned.
 */
#include <stdbool.h>

typedef struct {
    long first;
    double second;
} pair;

typedef struct {
    double values[8];
} large;

typedef double kind_call(void *code, long count);

kind_call kind_nothing, kind_int, kind_doubles, kind_ints, kind_int_pointer, kind_void_pointer,
    kind_string, kind_pair_pointer, kind_pair, kind_pair_returned, kind_large, kind_bool_char,
    kind_long_double, kind_object;

/* An object of Python for kind_object(). */
extern void *kind_argument;
void *kind_argument;

double kind_nothing(void *code, long count)
{
    for (long i = 0; i < count; i++)
        ((void (*)(void))code)();
    return (double)count;
}

#define CALLER(name, result, parameters, arguments, value)                                         \
    double kind_##name(void *code, long count)                                                     \
    {                                                                                              \
        double sum = 0;                                                                            \
                                                                                                   \
        for (long i = 0; i < count; i++) {                                                         \
            result answer = ((result(*) parameters)code)arguments;                                 \
                                                                                                   \
            sum += (double)(value);                                                                \
        }                                                                                          \
        return sum;                                                                                \
    }

static int one = 1;
static char string[] = "x";
static pair a_pair = {1, 1};
static large a_large = {{1, 1, 1, 1, 1, 1, 1, 1}};

CALLER(int, int, (int), (1), answer)
CALLER(doubles, double, (double, double, double, double, double, double), (1, 0, 0, 0, 0, 0),
       answer)
CALLER(ints, int, (int, int, int, int, int, int, int, int, int, int),
       (1, 0, 0, 0, 0, 0, 0, 0, 0, 0), answer)
CALLER(int_pointer, int, (int *), (&one), answer)
CALLER(void_pointer, int, (void *), (&one), answer)
CALLER(string, int, (char *), (string), answer)
CALLER(pair_pointer, int, (pair *), (&a_pair), answer)
CALLER(pair, int, (pair), (a_pair), answer)
CALLER(pair_returned, pair, (pair), (a_pair), answer.first)
CALLER(large, int, (large), (a_large), answer)
CALLER(bool_char, bool, (bool, char), (true, 'x'), answer)
CALLER(long_double, long double, (long double), (1), answer)
CALLER(object, int, (void *), (kind_argument), answer)
