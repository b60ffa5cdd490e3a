/* SPDX-License-Identifier: MIT */
/*
 * Signatures without arguments: the handler gets all that libffi would give it, and every kind of
 * result arrives, also if the handler frees the closure, or prepares it for another signature.
 */
#include "closures.h"

typedef struct {
    long l[2];
} words;
typedef struct {
    long l[9];
} large;
typedef void *pointer;

static ffi_type *two_longs[] = {&ffi_type_slong, &ffi_type_slong, NULL};
static ffi_type *nine_longs[] = {
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, NULL,
};
static ffi_type type_words = {.type = FFI_TYPE_STRUCT, .elements = two_longs};
static ffi_type type_large = {.type = FFI_TYPE_STRUCT, .elements = nine_longs};

static struct {
    ffi_cif cif;
    void *closure, *code;
    const void *bytes;
    size_t size;
    enum { NOTHING, FREE, PREPARE, WAYS } way;
    int calls;
} now;

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    CHECK(cif == &now.cif && user_data == &now, "the cif and the user data");
    CHECK(arguments, "the vector of arguments");
    CHECK((uintptr_t)__builtin_frame_address(0) % 16 == 0, "the stack is not aligned");
    if (now.way == FREE)
        trampfd_closure_free(now.closure);
    else if (now.way == PREPARE)
        CHECK(!trampfd_closure_prep(now.closure, adder_cif(), add, (void *)3), "preparation");
    if (now.size)
        memcpy(result, now.bytes, now.size);
    now.calls++;
}

static void prepare(ffi_type *result, const void *bytes, size_t size)
{
    make_cif(&now.cif, result, 0, NULL);
    now.bytes = bytes;
    now.size = size;
    now.calls = 0;
    now.closure = allocate(&now.code);
    CHECK(!trampfd_closure_prep(now.closure, &now.cif, handle, &now), "preparation");
    CHECK(entry_of(now.code) == TRAMPFD_ENTRY_PLAN, "there is no plan");
}

static void after_call(const char *what)
{
    CHECK(now.calls == 1, "%s: %d calls", what, now.calls);
    if (now.way == PREPARE)
        CHECK(((adder *)now.code)(4) == 7, "%s: prepared inside its call", what);
    if (now.way != FREE)
        trampfd_closure_free(now.closure);
}

/* Integers narrower than ffi_arg are stored as that. */
#define CHECK_RESULT(type, ffi, stored_type, ...)                                                  \
    do {                                                                                           \
        type value = __VA_ARGS__, result;                                                          \
        stored_type stored = (stored_type)value;                                                   \
                                                                                                   \
        prepare(ffi, &stored, sizeof(stored));                                                     \
        result = ((type (*)(void))now.code)();                                                     \
        CHECK(!memcmp(&result, &value, ffi == &ffi_type_longdouble ? 10 : sizeof(type)), #type);   \
        after_call(#type);                                                                         \
    } while (0)

static void check_all(void)
{
    prepare(&ffi_type_void, NULL, 0);
    ((void (*)(void))now.code)();
    after_call("void");
    CHECK_RESULT(uint8_t, &ffi_type_uint8, ffi_arg, 200);
    CHECK_RESULT(int8_t, &ffi_type_sint8, ffi_sarg, -100);
    CHECK_RESULT(uint16_t, &ffi_type_uint16, ffi_arg, 60000);
    CHECK_RESULT(int16_t, &ffi_type_sint16, ffi_sarg, -30000);
    CHECK_RESULT(int, &ffi_type_sint, ffi_sarg, -123456789);
    CHECK_RESULT(unsigned, &ffi_type_uint, ffi_arg, 4123456789u);
    CHECK_RESULT(long, &ffi_type_slong, long, -12345678901234);
    CHECK_RESULT(pointer, &ffi_type_pointer, pointer, &now);
    CHECK_RESULT(float, &ffi_type_float, float, 0.1f);
    CHECK_RESULT(double, &ffi_type_double, double, 0.1);
    CHECK_RESULT(long double, &ffi_type_longdouble, long double, 0.5L);
    CHECK_RESULT(words, &type_words, words, {{-1, 2}});
    CHECK_RESULT(large, &type_large, large, {{1, 2, 3, 4, 5, 6, 7, 8, 9}});
}

int main(void)
{
    for (now.way = NOTHING; now.way < WAYS; now.way++)
        check_all();
    return 0;
}
