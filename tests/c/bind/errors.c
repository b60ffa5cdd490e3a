/* SPDX-License-Identifier: MIT */
/* What trampfd_bind() refuses, and that a refusal leaves everything as it was. */
#include "plan/closures.h"

static void nothing(void)
{
}

static void check_refused(int error, ffi_cif *cif, void (*function)(void),
                          enum trampfd_position position, const char *what)
{
    struct trampfd_trail trail = {.count = 7};
    void *code = &trail;

    errno = 0;
    CHECK(!trampfd_bind(cif, function, NULL, position, &code, &trail), "%s", what);
    CHECK(errno == error, "%s: %s", what, strerror(errno));
    CHECK(code == &trail && trail.count == 0, "%s: the out-parameters", what);
    CHECK(status_now().slots_used == 0, "%s: a slot is left", what);
}

int main(void)
{
    static ffi_type *longs[] = {&ffi_type_slong, &ffi_type_slong, NULL};
    static ffi_type *long_double[] = {&ffi_type_slong, &ffi_type_double, NULL};
    static ffi_type pair = {.type = FFI_TYPE_STRUCT, .elements = longs};
    static ffi_type mixed = {.type = FFI_TYPE_STRUCT, .elements = long_double};
    static ffi_type *structures[] = {&pair, &pair, NULL};
    static ffi_type large = {.type = FFI_TYPE_STRUCT, .elements = structures};
    static ffi_type *types[] = {&ffi_type_pointer, &ffi_type_double, &ffi_type_sint, &pair};
    static ffi_type wrapped = {.type = FFI_TYPE_STRUCT, .elements = &long_double[1]};
    /* On x86-64 the first structure is garbled, on AArch64 the second one, on RISC-V the last one. */
    static ffi_type *garbled[] = {
        &ffi_type_pointer, &ffi_type_slong,  &ffi_type_slong,  &ffi_type_slong,  &ffi_type_slong,
        &ffi_type_double,  &mixed,           &ffi_type_slong,  &large,           &ffi_type_double,
        &ffi_type_double,  &ffi_type_double, &ffi_type_double, &ffi_type_double, &ffi_type_double,
        &wrapped,
    };
    ffi_cif cif;

    make_cif(&cif, &ffi_type_void, 0, types);
    check_refused(EINVAL, &cif, nothing, TRAMPFD_FIRST, "no first argument");
    check_refused(EINVAL, &cif, nothing, TRAMPFD_LAST, "no last argument");
    make_cif(&cif, &ffi_type_void, 3, types);
    check_refused(EINVAL, &cif, NULL, TRAMPFD_FIRST, "no function");
    check_refused(EINVAL, &cif, nothing, (enum trampfd_position)2, "no such position");
    make_cif(&cif, &ffi_type_void, 2, types);
    check_refused(EINVAL, &cif, nothing, TRAMPFD_LAST, "a double");
    make_cif(&cif, &ffi_type_void, 4, types);
    check_refused(EINVAL, &cif, nothing, TRAMPFD_LAST, "a structure");
    make_cif(&cif, &ffi_type_void, 16, garbled);
    check_refused(ENOTSUP, &cif, nothing, TRAMPFD_FIRST, "arguments that libffi garbles");
    return 0;
}
