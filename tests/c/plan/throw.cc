// SPDX-License-Identifier: MIT
// A C++ exception passes a plan's frame on its way from the handler to the caller: destructors on
// both sides run, and the registers that the caller counts on are as they were.
#include "trampfd.h"

#include <cstdio>
#include <cstdlib>
#include <stdexcept>

struct mixed {
    long l;
    double d;
};

static int destroyed;

struct guard {
    ~guard() { destroyed++; }
};

static void fail(const char *what)
{
    std::fprintf(stderr, "%s\n", what);
    std::exit(1);
}

static void handle(ffi_cif *, void *, void **arguments, void *)
{
    guard one;

    throw std::runtime_error(std::to_string(static_cast<mixed *>(arguments[0])->l));
}

// More values live over the call than there are registers that a callee preserves.
template <typename R> static long sum_over_throw(R (*code)(mixed, double, int), long n)
{
    long a = n * 3, b = n ^ 5, c = n + 7, d = n * n, e = n - 11, f = ~n;
    guard one;

    asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
    try {
        code(mixed{n, 2.5}, 1.5, 1);
    } catch (const std::runtime_error &error) {
        asm volatile("" : "+r"(a), "+r"(b), "+r"(c), "+r"(d), "+r"(e), "+r"(f));
        if (error.what() != std::to_string(n))
            fail("another exception arrived");
        return a + b + c + d + e + f;
    }
    fail("no exception arrived");
    return 0;
}

template <typename R> static void check(ffi_type *result)
{
    static ffi_type *members[] = {&ffi_type_slong, &ffi_type_double, nullptr};
    static ffi_type type_mixed = {0, 0, FFI_TYPE_STRUCT, members};
    ffi_type *types[] = {&type_mixed, &ffi_type_double, &ffi_type_sint};
    trampfd_closure read;
    ffi_cif cif;
    void *code;
    auto closure = static_cast<ffi_closure *>(
        trampfd_closure_alloc(sizeof(ffi_closure), &code, nullptr));

    if (!result)
        result = &type_mixed;
    if (!closure || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 3, result, types) != FFI_OK
        || trampfd_closure_prep(closure, &cif, handle, nullptr)
        || trampfd_closure_read(code, &read) || read.entry != TRAMPFD_ENTRY_PLAN)
        fail("no closure with a plan");
    destroyed = 0;
    for (long n = 0; n < 1000; n++) {
        long sum = sum_over_throw(reinterpret_cast<R (*)(mixed, double, int)>(code), n);

        if (sum != n * 3 + (n ^ 5) + n + 7 + n * n + n - 11 + ~n)
            fail("a value of the caller is lost");
    }
    if (destroyed != 2000)
        fail("destructors did not run");
    trampfd_closure_free(closure);
}

int main()
{
    check<long>(&ffi_type_slong);
    check<double>(&ffi_type_double);
    check<long double>(&ffi_type_longdouble);
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    check<long double _Complex>(&ffi_type_complex_longdouble);
#endif
    check<mixed>(nullptr);
    return 0;
}
