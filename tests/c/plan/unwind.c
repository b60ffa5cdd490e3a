/* SPDX-License-Identifier: MIT */
/*
 * A backtrace from a handler goes through the frame of the plan, which the unwinder knows, straight
 * to the function that called the closure, and on to main(); with each of the plans' tails, and
 * with the entries that need none.  The argument is the number of closures that are made before.
 */
#include "closures.h"
#include "traits.h"

#include <unwind.h>

typedef struct {
    long l;
    double d;
} mixed;
typedef struct {
    long l[8];
} large;
typedef long double _Complex complex_long_double;

extern const char tfd_plan_entries[];
#define DECLARE(name) extern const char tfd_plan_tail_##name[];
TAILS(DECLARE)
int main(int argc, char **argv);

static struct {
    const void *tail, *caller; /* functions, as the unwinder finds them */
    int reached_main;
} seen;

static int is_tail(const void *function)
{
#define IS(name) || function == tfd_plan_tail_##name
    return function == FRAME_WITHOUT_ARGUMENTS TAILS(IS);
}

static _Unwind_Reason_Code visit(struct _Unwind_Context *context, void *data)
{
    const void *function = (const void *)_Unwind_GetRegionStart(context);

    (void)data;
    if (seen.tail && !seen.caller)
        seen.caller = function;
    else if (is_tail(function))
        seen.tail = function;
    else if (function == (const void *)(uintptr_t)main)
        seen.reached_main = 1;
    return _URC_NO_REASON;
}

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)arguments, (void)user_data;
    memset(&seen, 0, sizeof(seen));
    _Unwind_Backtrace(visit, NULL);
    if (cif->rtype->type != FFI_TYPE_VOID)
        memset(result, 0, cif->rtype->size);
}

/* A function of its own calls the closure, and does something afterwards. */
#define CALLER(name, type)                                                                         \
    static __attribute__((noinline)) void name(const void *code)                                   \
    {                                                                                              \
        type result = ((type (*)(mixed, double, int))code)((mixed){1, 2}, 3, 4);                   \
                                                                                                   \
        __asm__ volatile("" : : "r"(&result) : "memory");                                          \
    }

/* Without arguments. */
#define CALLER_OF_NONE(name, type)                                                                 \
    static __attribute__((noinline)) void name(const void *code)                                   \
    {                                                                                              \
        type result = ((type (*)(void))code)();                                                    \
                                                                                                   \
        __asm__ volatile("" : : "r"(&result) : "memory");                                          \
    }

CALLER_OF_NONE(call_for_int, int)
CALLER_OF_NONE(call_for_long, long)

static __attribute__((noinline)) void call_for_nothing(const void *code)
{
    ((void (*)(void))code)();
    __asm__ volatile("" : : : "memory");
}

CALLER(call_long, long)
CALLER(call_float, float)
CALLER(call_double, double)
CALLER(call_long_double, long double)
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
CALLER(call_complex, complex_long_double)
#endif
CALLER(call_mixed, mixed)
CALLER(call_large, large)

static ffi_type *mixed_members[] = {&ffi_type_slong, &ffi_type_double, NULL};
static ffi_type type_mixed = {.type = FFI_TYPE_STRUCT, .elements = mixed_members};
static ffi_type *large_members[] = {
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    &ffi_type_slong, &ffi_type_slong, NULL,
};
static ffi_type type_large = {.type = FFI_TYPE_STRUCT, .elements = large_members};

static void check(ffi_type *result, unsigned count, void (*caller)(const void *), const void *tail)
{
    ffi_type *types[] = {&type_mixed, &ffi_type_double, &ffi_type_sint};
    void *code, *closure = allocate(&code);
    ffi_cif cif;

    make_cif(&cif, result, count, types);
    CHECK(!trampfd_closure_prep(closure, &cif, handle, NULL), "preparation");
    caller(code);
    CHECK(seen.tail == tail, "the frame of the plan is of %p, not of %p", seen.tail, tail);
    CHECK(seen.caller == (const void *)(uintptr_t)caller, "%p called the closure, not %p",
          seen.caller, (const void *)(uintptr_t)caller);
    CHECK(seen.reached_main, "the backtrace stops short of main()");
    trampfd_closure_free(closure);
}

int main(int argc, char **argv)
{
    void *code;

    for (int others = argc > 1 ? atoi(argv[1]) : 0; others; others--)
        allocate(&code);
    check(&ffi_type_slong, 3, call_long, TAIL_LONG);
    check(&ffi_type_float, 3, call_float, TAIL_FLOAT);
    check(&ffi_type_double, 3, call_double, TAIL_DOUBLE);
    check(&ffi_type_longdouble, 3, call_long_double, TAIL_LONG_DOUBLE);
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    check(&ffi_type_complex_longdouble, 3, call_complex, TAIL_COMPLEX_LONG_DOUBLE);
#endif
    check(&type_mixed, 3, call_mixed, TAIL_LONG_AND_DOUBLE);
    check(&type_large, 3, call_large, TAIL_IN_MEMORY);
    check(&ffi_type_void, 0, call_for_nothing, FRAME_WITHOUT_ARGUMENTS);
    check(&ffi_type_sint, 0, call_for_int, FRAME_WITHOUT_ARGUMENTS);
    check(&ffi_type_slong, 0, call_for_long, FRAME_WITHOUT_ARGUMENTS);
    return 0;
}
