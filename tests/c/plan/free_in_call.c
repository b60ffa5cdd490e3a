/* SPDX-License-Identifier: MIT */
/*
 * A closure that is freed inside its own call and its slot handed out again, or that is prepared for
 * another signature, may take the last reference of its plan with it: the plan's memory is gone,
 * and the call returns its result all the same, whatever kind it is of.
 */
#include "closures.h"

typedef struct {
    double d;
    long l;
} gathered; /* arrives in two kinds of registers */
typedef struct {
    long l;
    double d;
} word_vector;
typedef struct {
    double d;
    long l;
} vector_word;
typedef struct {
    long l[2];
} words;
typedef struct {
    double d[2];
} vectors;
typedef struct {
    long l[9];
} large;
typedef long double _Complex complex_long_double;

static ffi_type *double_long[] = {&ffi_type_double, &ffi_type_slong, NULL};
static ffi_type *long_double[] = {&ffi_type_slong, &ffi_type_double, NULL};
static ffi_type *longs[] = {&ffi_type_slong, &ffi_type_slong, NULL};
static ffi_type *doubles[] = {&ffi_type_double, &ffi_type_double, NULL};
static ffi_type *nine_longs[] = {
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, NULL,
};
static ffi_type type_vector_word = {.type = FFI_TYPE_STRUCT, .elements = double_long};
static ffi_type type_word_vector = {.type = FFI_TYPE_STRUCT, .elements = long_double};
static ffi_type type_words = {.type = FFI_TYPE_STRUCT, .elements = longs};
static ffi_type type_vectors = {.type = FFI_TYPE_STRUCT, .elements = doubles};
static ffi_type type_large = {.type = FFI_TYPE_STRUCT, .elements = nine_longs};

static void *own, *own_code;
static int prepare_again; /* as an adder, instead of freeing; another adder lives then */
static const void *result_bytes;
static size_t result_size;

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    const gathered *first = arguments[0];

    (void)cif;
    CHECK(tfd_plan_count() == IDLE_MAX + 1 + (unsigned)prepare_again, "%u plans", tfd_plan_count());
    if (prepare_again) {
        CHECK(!trampfd_closure_prep(own, adder_cif(), add, (void *)3), "preparation");
    } else {
        trampfd_closure_free(own);
        CHECK(tfd_plan_count() == IDLE_MAX + 1, "the dead record does not hold its plan");
        hand_out_all();
    }
    CHECK(tfd_plan_count() == (unsigned)prepare_again, "%u plans are left", tfd_plan_count());
    CHECK(first->d == 1.5 && first->l == -7 && *(int *)arguments[1] == 11, "the arguments");
    CHECK(user_data == &own, "the user data");
    if (result_size)
        memcpy(result, result_bytes, result_size);
}

static void prepare(ffi_type *result, const void *bytes, size_t size)
{
    static ffi_type *types[] = {&type_vector_word, &ffi_type_sint};
    static ffi_cif cif;

    make_cif(&cif, result, 2, types);
    result_bytes = bytes;
    result_size = size;
    fill_idle((unsigned)prepare_again);
    own = allocate(&own_code);
    CHECK(!trampfd_closure_prep(own, &cif, handle, &own), "preparation");
    CHECK(entry_of(own_code) == TRAMPFD_ENTRY_PLAN, "there is no plan");
}

static void after_call(const char *what)
{
    if (!prepare_again) {
        CHECK(entry_of(own_code) == TRAMPFD_ENTRY_DEAD, "%s: the closure lives", what);
        return;
    }
    CHECK(((adder *)own_code)(4) == 7, "%s: prepared inside its call", what);
    trampfd_closure_free(own);
}

/* Integers narrower than ffi_arg are stored as that. */
#define CHECK_RESULT(type, ffi, stored_type, ...)                                                  \
    do {                                                                                           \
        type value = __VA_ARGS__, result;                                                          \
        stored_type stored = (stored_type)value;                                                   \
                                                                                                   \
        prepare(ffi, &stored, sizeof(stored));                                                     \
        result = ((type (*)(gathered, int))own_code)((gathered){1.5, -7}, 11);                     \
        CHECK(!memcmp(&result, &value, ffi == &ffi_type_longdouble ? 10 : sizeof(type)), #type);   \
        after_call(#type);                                                                         \
    } while (0)

static void check(void)
{
    prepare(&ffi_type_void, NULL, 0);
    ((void (*)(gathered, int))own_code)((gathered){1.5, -7}, 11);
    after_call("void");
    CHECK_RESULT(uint8_t, &ffi_type_uint8, ffi_arg, 200);
    CHECK_RESULT(int8_t, &ffi_type_sint8, ffi_sarg, -100);
    CHECK_RESULT(uint16_t, &ffi_type_uint16, ffi_arg, 60000);
    CHECK_RESULT(int16_t, &ffi_type_sint16, ffi_sarg, -30000);
    CHECK_RESULT(int, &ffi_type_sint, ffi_sarg, -123456789);
    CHECK_RESULT(long, &ffi_type_slong, long, -12345678901234);
    CHECK_RESULT(float, &ffi_type_float, float, 0.1f);
    CHECK_RESULT(double, &ffi_type_double, double, 0.1);
    CHECK_RESULT(long double, &ffi_type_longdouble, long double, 0.5L);
    CHECK_RESULT(words, &type_words, words, {{-1, 2}});
    CHECK_RESULT(vectors, &type_vectors, vectors, {{0.1, -0.2}});
    CHECK_RESULT(word_vector, &type_word_vector, word_vector, {-5, 0.3});
    CHECK_RESULT(vector_word, &type_vector_word, vector_word, {0.4, -6});
    CHECK_RESULT(large, &type_large, large, {{1, 2, 3, 4, 5, 6, 7, 8, 9}});
}

static void check_complex(void)
{
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    complex_long_double both = 1.25L - 3.5L * 1i, result;

    prepare(&ffi_type_complex_longdouble, &both, sizeof(both));
    result = ((complex_long_double (*)(gathered, int))own_code)((gathered){1.5, -7}, 11);
    CHECK(result == both, "long double _Complex");
    after_call("long double _Complex");
#endif
}

int main(void)
{
    adder *code;

    make_cif(&(ffi_cif){0}, &type_vector_word, 0, NULL); /* gives the type its size */
    check();
    check_complex();
    make(1, &code);
    prepare_again = 1;
    check();
    check_complex();
    return 0;
}
