// SPDX-License-Identifier: MIT
// A C++ exception that a handler throws reaches the caller of the closure, whatever the entry:
// destructors on the way run, and the closure can be called again.  The argument "no plans" is for
// ports where libffi marshals every call.
#include "trampfd.h"

#include <cstdio>
#include <cstring>
#include <stdexcept>

static int destroyed;

struct guard {
    ~guard() { destroyed++; }
};

static void handle(ffi_cif *, void *, void **arguments, void *)
{
    guard one;

    throw std::runtime_error(*static_cast<int *>(arguments[0]) == 7 ? "seven" : "other");
}

// Half of it is padding, and such signatures are left to libffi.
struct alignas(16) padded {
    char c;
};

template <typename F, typename... More> static bool throws(F *code, int argument, More... more)
{
    guard other;

    try {
        code(argument, more...);
    } catch (const std::runtime_error &error) {
        return error.what()[0] == (argument == 7 ? 's' : 'o');
    }
    return false;
}

template <typename R, typename... More>
static bool check(ffi_type *result, trampfd_entry entry, More... more)
{
    ffi_type *elements[] = {&ffi_type_schar, nullptr};
    ffi_type of_padded = {sizeof(padded), alignof(padded), FFI_TYPE_STRUCT, elements};
    ffi_type *types[] = {&ffi_type_sint, &of_padded};
    trampfd_closure read;
    ffi_cif cif;
    void *code;
    ffi_closure *closure = static_cast<ffi_closure *>(trampfd_closure_alloc(56, &code, nullptr));

    if (!closure || ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1 + sizeof...(more), result, types)
        || trampfd_closure_prep(closure, &cif, handle, nullptr)
        || trampfd_closure_read(code, &read) || read.entry != entry)
        return false;
    destroyed = 0;
    for (int i = 0; i < 100; i++)
        if (!throws(reinterpret_cast<R (*)(int, More...)>(code), i, more...))
            return false;
    trampfd_closure_free(closure);
    return destroyed == 200;
}

int main(int argc, char **argv)
{
    bool has_plans = argc == 1 || std::strcmp(argv[1], "no plans");
    trampfd_entry usual = has_plans ? TRAMPFD_ENTRY_PLAN : TRAMPFD_ENTRY_LIBFFI;

    if (!check<int>(&ffi_type_sint, usual) || !check<double>(&ffi_type_double, usual)
        || !check<long double>(&ffi_type_longdouble, usual)
        || !check<int>(&ffi_type_sint, TRAMPFD_ENTRY_LIBFFI, padded())) {
        std::fprintf(stderr, "an exception did not arrive as it was thrown\n");
        return 1;
    }
    return 0;
}
