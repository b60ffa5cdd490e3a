/* SPDX-License-Identifier: MIT */
/*
 * Arguments and results of every class
 *
 * integers and floats in registers and on the stack, structures by value, long double, and a
 * variadic caller.  tests/test_libffi_suite.py runs libffi's own programs.
 *
 * Ways: registers and stack; structures; long double; variadic
 * Right: works
 */
#include "mode.h"

struct mixed {
    double real;
    int count;
};

struct large {
    long word[5];
};

typedef void handler(ffi_cif *, void *, void **, void *);

static ffi_type *fields[][6] = {
    {&ffi_type_double, &ffi_type_sint, NULL},
    {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, NULL},
};

static ffi_type mixed_type = {0, 0, FFI_TYPE_STRUCT, fields[0]};
static ffi_type large_type = {0, 0, FFI_TYPE_STRUCT, fields[1]};

static void *closure_of(ffi_type *result, int count, ffi_type **types, handler *function)
{
    ffi_cif *cif = malloc(sizeof(*cif));
    void *code, *closure = ffi_closure_alloc(sizeof(ffi_closure), &code);

    if (!closure)
        reported("ffi_closure_alloc returned NULL");
    EXPECT(ffi_prep_cif(cif, FFI_DEFAULT_ABI, (unsigned)count, result, types) == FFI_OK, "no cif");
    EXPECT(ffi_prep_closure_loc(closure, cif, function, NULL, code) == FFI_OK, "not prepared");
    return code;
}

static void sum(ffi_cif *cif, void *result, void **arguments, void *data)
{
    double total = 0;

    (void)data;
    for (unsigned i = 0; i < cif->nargs; i++)
        total += (i + 1) * (i % 2 ? *(double *)arguments[i] : *(int *)arguments[i]);
    *(double *)result = total;
}

static void registers_and_stack(void)
{
    ffi_type *types[24];
    double (*code)(int, double, int, double, int, double, int, double, int, double, int, double,
                   int, double, int, double, int, double, int, double, int, double, int, double);
    double expected = 0, got;

    for (int i = 0; i < 24; i++) {
        types[i] = i % 2 ? &ffi_type_double : &ffi_type_sint;
        expected += (i + 1) * (double)(i % 2 ? i + 0.5 : -i);
    }
    code = (__typeof__(code))closure_of(&ffi_type_double, 24, types, sum);
    got = code(0, 1.5, -2, 3.5, -4, 5.5, -6, 7.5, -8, 9.5, -10, 11.5, -12, 13.5, -14, 15.5, -16,
               17.5, -18, 19.5, -20, 21.5, -22, 23.5);
    EXPECT(got == expected, "%g instead of %g", got, expected);
}

static void enlarge(ffi_cif *cif, void *result, void **arguments, void *data)
{
    struct mixed *one = arguments[0];
    struct large *other = arguments[1], *large = result;

    (void)cif, (void)data;
    for (int i = 0; i < 5; i++)
        large->word[i] = other->word[i] * one->count + (long)one->real;
}

static void structures(void)
{
    ffi_type *types[] = {&mixed_type, &large_type};
    struct large (*code)(struct mixed, struct large);
    struct large got;

    code = (__typeof__(code))closure_of(&large_type, 2, types, enlarge);
    got = code((struct mixed){100.0, 3}, (struct large){{1, 2, 3, 4, 5}});
    for (int i = 0; i < 5; i++)
        EXPECT(got.word[i] == 100 + 3 * (i + 1), "word %d is %ld", i, got.word[i]);
}

static void halve(ffi_cif *cif, void *result, void **arguments, void *data)
{
    (void)cif, (void)data;
    *(long double *)result = *(long double *)arguments[1] / 2;
}

static void long_doubles(void)
{
    ffi_type *types[] = {&ffi_type_sint, &ffi_type_longdouble};
    long double (*code)(int, long double);

    code = (__typeof__(code))closure_of(&ffi_type_longdouble, 2, types, halve);
    EXPECT(code(1, 5.0L) == 2.5L, "half of 5 is %Lg", code(1, 5.0L));
}

static void variadic(void)
{
    ffi_type *types[] = {&ffi_type_sint, &ffi_type_double, &ffi_type_sint, &ffi_type_double};
    double (*code)(int, ...) = (double (*)(int, ...))closure_of(&ffi_type_double, 4, types, sum);
    double got = code(1, 2.0, 3, 4.0);

    EXPECT(got == 30, "%g instead of 30", got);
}

int main(int argc, char **argv)
{
    if (way("registers and stack"))
        registers_and_stack();
    if (way("structures"))
        structures();
    if (way("long double"))
        long_doubles();
    if (way("variadic"))
        variadic();
    return 0;
}
