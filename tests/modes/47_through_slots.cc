// SPDX-License-Identifier: MIT
/*
 * A callback is left by a C++ exception or by longjmp()
 *
 * 1,000 times: the caller of the closure gets it, and the closure can be called again.
 *
 * Ways: exception; longjmp
 * Right: works
 */
#include "mode.h"

#include <csetjmp>
#include <stdexcept>

static std::jmp_buf back;
static int destroyed;

struct guard {
    ~guard() { destroyed++; }
};

static void throw_it(ffi_cif *, void *, void **, void *)
{
    guard one;

    throw std::runtime_error("thrown");
}

static void jump(ffi_cif *, void *, void **arguments, void *)
{
    std::longjmp(back, *static_cast<int *>(arguments[0]) + 1);
}

static bool catches(adder *code)
{
    guard one;

    try {
        code(7);
    } catch (const std::runtime_error &) {
        return true;
    }
    return false;
}

static bool jumps(adder *code)
{
    switch (setjmp(back)) {
    case 0:
        code(7);
        return false;
    default:
        return true;
    }
}

int main(int argc, char **argv)
{
    closure one = make(1);
    bool thrown = way("exception");
    void *code = reinterpret_cast<void *>(one.code);

    ffi_prep_closure_loc(one.writable, adder_cif(), thrown ? throw_it : jump, nullptr, code);
    for (int i = 0; i < 1000; i++)
        EXPECT((thrown ? catches : jumps)(one.code), "the caller does not get it");
    EXPECT(destroyed == (thrown ? 2000 : 0), "%d destructors ran", destroyed);
    release(one);
    grow();
    return 0;
}
