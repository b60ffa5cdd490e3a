/* SPDX-License-Identifier: MIT */
/*
 * Arguments and results of every class reach the handler and come back: in registers, on the stack,
 * in memory, narrow and signed, and from a caller of a variadic function.
 */
#include "check.h"

#include <stdarg.h>

#define PREPARE(cif, result, ...)                                                                  \
    do {                                                                                           \
        static ffi_type *types_[] = {__VA_ARGS__};                                                 \
        CHECK(ffi_prep_cif(cif, FFI_DEFAULT_ABI, sizeof(types_) / sizeof(*types_), result, types_) \
                  == FFI_OK,                                                                       \
              "cif");                                                                              \
    } while (0)

static void *make_any(ffi_cif *cif, trampfd_handler fun, void **closure)
{
    void *code;

    *closure = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);
    CHECK(*closure, "%s", strerror(errno));
    CHECK(!trampfd_closure_prep(*closure, cif, fun, NULL), "preparation");
    return code;
}

static void twelve_integers(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    long sum = 0;

    (void)user_data;
    for (unsigned i = 0; i < cif->nargs; i++)
        sum = sum * 3 + *(long *)arguments[i];
    *(long *)result = sum;
}

static void check_integers(void)
{
    ffi_type *t = &ffi_type_slong;
    ffi_cif cif;
    void *closure;
    long (*code)(long, long, long, long, long, long, long, long, long, long, long, long);
    long sum = 0;

    ffi_type *types[] = {t, t, t, t, t, t, t, t, t, t, t, t};
    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 12, t, types) == FFI_OK, "cif");
    code = make_any(&cif, twelve_integers, &closure);
    for (long i = 1; i <= 12; i++)
        sum = sum * 3 + i * 1000003;
    CHECK(code(1000003, 2 * 1000003, 3 * 1000003, 4 * 1000003, 5 * 1000003, 6 * 1000003,
               7 * 1000003, 8 * 1000003, 9 * 1000003, 10 * 1000003, 11 * 1000003, 12 * 1000003)
              == sum,
          "twelve integers");
    trampfd_closure_free(closure);
}

static void mixed(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    double sum = 0;

    (void)user_data;
    for (unsigned i = 0; i < cif->nargs; i++)
        sum = sum * 2 + (i % 2 ? *(double *)arguments[i] : *(int *)arguments[i]);
    *(double *)result = sum;
}

static void check_mixed(void)
{
    ffi_type *i = &ffi_type_sint, *d = &ffi_type_double;
    ffi_type *types[] = {i, d, i, d, i, d, i, d, i, d, i, d, i, d, i, d, i, d, i, d};
    ffi_cif cif;
    void *closure;
    double (*code)(int, double, int, double, int, double, int, double, int, double, int, double,
                   int, double, int, double, int, double, int, double);
    double sum = 0;

    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 20, d, types) == FFI_OK, "cif");
    code = make_any(&cif, mixed, &closure);
    for (int n = 1; n <= 20; n++)
        sum = sum * 2 + (n % 2 ? -n : n + 0.5);
    CHECK(code(-1, 2.5, -3, 4.5, -5, 6.5, -7, 8.5, -9, 10.5, -11, 12.5, -13, 14.5, -15, 16.5, -17,
               18.5, -19, 20.5)
              == sum,
          "twenty mixed");
    trampfd_closure_free(closure);
}

struct small {
    float a, b;
};

struct split {
    char c;
    double d;
};

struct large {
    long n[5];
};

static void structures(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    struct small *small = arguments[0];
    struct split *split = arguments[1];
    struct large *large = arguments[2];

    (void)cif;
    (void)user_data;
    *(struct large *)result = (struct large){
        {(long)small->a, (long)small->b, split->c, (long)split->d, large->n[0] + large->n[4]}};
}

static void swap_split(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    struct split *split = arguments[0];

    (void)cif;
    (void)user_data;
    *(struct split *)result = (struct split){(char)split->d, split->c};
}

static void check_structures(void)
{
    static ffi_type *of_small[] = {&ffi_type_float, &ffi_type_float, NULL};
    static ffi_type *of_split[] = {&ffi_type_schar, &ffi_type_double, NULL};
    static ffi_type *of_large[] = {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
                                   &ffi_type_slong, &ffi_type_slong, NULL};
    static ffi_type small = {.type = FFI_TYPE_STRUCT, .elements = of_small};
    static ffi_type split = {.type = FFI_TYPE_STRUCT, .elements = of_split};
    static ffi_type large = {.type = FFI_TYPE_STRUCT, .elements = of_large};
    ffi_cif cif;
    void *closure;
    struct large (*code)(struct small, struct split, struct large);
    struct split (*swap)(struct split);
    struct large got;
    struct split swapped;

    PREPARE(&cif, &large, &small, &split, &large);
    code = make_any(&cif, structures, &closure);
    got = code((struct small){1, 2}, (struct split){3, 4}, (struct large){{5, 0, 0, 0, 6}});
    CHECK(got.n[0] == 1 && got.n[1] == 2 && got.n[2] == 3 && got.n[3] == 4 && got.n[4] == 11,
          "a large structure: %ld %ld %ld %ld %ld", got.n[0], got.n[1], got.n[2], got.n[3],
          got.n[4]);
    trampfd_closure_free(closure);

    PREPARE(&cif, &split, &split);
    swap = make_any(&cif, swap_split, &closure);
    swapped = swap((struct split){7, 9});
    CHECK(swapped.c == 9 && swapped.d == 7, "a structure in two kinds of registers");
    trampfd_closure_free(closure);
}

static void negate_long_double(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    (void)user_data;
    *(long double *)result = -*(long double *)arguments[0];
}

static void negate_narrow(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    (void)user_data;
    *(ffi_sarg *)result = -*(signed char *)arguments[0];
}

static void nothing(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    (void)result;
    (void)user_data;
    ++**(int **)arguments[0];
}

/* Stock libffi, too. */
#ifdef __powerpc64__
#define LIBFFI_GARBLES_IT 1
#else
#define LIBFFI_GARBLES_IT 0
#endif

static void check_scalars(void)
{
    ffi_cif cif;
    void *closure;
    long double (*negate)(long double);
    signed char (*narrow)(signed char);
    void (*count)(int *);
    int calls = 0;

    PREPARE(&cif, &ffi_type_longdouble, &ffi_type_longdouble);
    negate = make_any(&cif, negate_long_double, &closure);
    CHECK(negate(1.25L) == -1.25L || LIBFFI_GARBLES_IT, "long double");
    trampfd_closure_free(closure);

    PREPARE(&cif, &ffi_type_schar, &ffi_type_schar);
    narrow = make_any(&cif, negate_narrow, &closure);
    CHECK(narrow(100) == -100 && narrow(-7) == 7, "signed char");
    trampfd_closure_free(closure);

    PREPARE(&cif, &ffi_type_void, &ffi_type_pointer);
    count = make_any(&cif, nothing, &closure);
    count(&calls);
    count(&calls);
    CHECK(calls == 2, "void: %d calls", calls);
    trampfd_closure_free(closure);
}

static void check_variadic_caller(void)
{
    static ffi_type *types[] = {&ffi_type_sint, &ffi_type_double, &ffi_type_sint, &ffi_type_double};
    ffi_cif cif;
    void *closure;
    double (*code)(int, ...);

    CHECK(ffi_prep_cif_var(&cif, FFI_DEFAULT_ABI, 1, 4, &ffi_type_double, types) == FFI_OK, "cif");
    code = make_any(&cif, mixed, &closure);
    CHECK(code(1, 2.5, 3, 4.5) == ((1 * 2 + 2.5) * 2 + 3) * 2 + 4.5, "variadic");
    trampfd_closure_free(closure);
}

int main(void)
{
    check_integers();
    check_mixed();
    check_structures();
    check_scalars();
    check_variadic_caller();
    return 0;
}
