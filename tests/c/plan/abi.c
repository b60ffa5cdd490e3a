/* SPDX-License-Identifier: MIT */
/* Closures of other calling conventions have no plan: libffi marshals them, and they work. */
#include "closures.h"
#include "traits.h"

typedef struct {
    long first, second;
} pair; /* on Windows by reference, and back through a pointer */
typedef struct {
    short x, y;
} point; /* in one register */

typedef OTHER_ABI pair function(char, double, pair, point, float, long, double);
typedef OTHER_ABI signed char short_function(unsigned char);

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    const pair *both = arguments[2];
    const point *at = arguments[3];

    (void)cif;
    CHECK(user_data == (void *)42, "user data %p", user_data);
    CHECK(*(char *)arguments[0] == 'x' && *(double *)arguments[1] == 0.5, "arguments 0 and 1");
    CHECK(both->first == -1 && both->second == 2, "argument 2");
    CHECK(at->x == 3 && at->y == -4, "argument 3");
    CHECK(*(float *)arguments[4] == 1.25f && *(long *)arguments[5] == 1L << 40
              && *(double *)arguments[6] == -8,
          "arguments 4 to 6");
    *(pair *)result = (pair){both->second, both->first};
}

static void negate(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif, (void)user_data;
    *(ffi_sarg *)result = -*(unsigned char *)arguments[0];
}

static void *prepare(ffi_cif *cif, trampfd_handler fun, void **code)
{
    size_t without_plan = status_now().without_plan;
    void *closure = allocate(code);

    CHECK(!tfd_plan_get(cif), "ABI %d has a plan", cif->abi);
    CHECK(!trampfd_closure_prep(closure, cif, fun, (void *)42), "ABI %d", cif->abi);
    CHECK(entry_of(*code) == TRAMPFD_ENTRY_LIBFFI, "ABI %d", cif->abi);
    CHECK(status_now().without_plan == without_plan + 1, "ABI %d is not counted", cif->abi);
    return closure;
}

static void check(ffi_abi abi)
{
    ffi_type *longs[] = {&ffi_type_slong, &ffi_type_slong, NULL};
    ffi_type *shorts[] = {&ffi_type_sshort, &ffi_type_sshort, NULL};
    ffi_type type_pair = {.type = FFI_TYPE_STRUCT, .elements = longs};
    ffi_type type_point = {.type = FFI_TYPE_STRUCT, .elements = shorts};
    ffi_type *types[] = {&ffi_type_schar, &ffi_type_double, &type_pair,      &type_point,
                         &ffi_type_float, &ffi_type_slong,  &ffi_type_double};
    ffi_type *byte[] = {&ffi_type_uchar};
    void *code, *short_code, *closure, *short_closure;
    ffi_cif cif, short_cif;
    pair result;

    CHECK(ffi_prep_cif(&cif, abi, 7, &type_pair, types) == FFI_OK, "ABI %d", abi);
    CHECK(ffi_prep_cif(&short_cif, abi, 1, &ffi_type_schar, byte) == FFI_OK, "ABI %d", abi);
    closure = prepare(&cif, handle, &code);
    short_closure = prepare(&short_cif, negate, &short_code);
    result = ((function *)code)('x', 0.5, (pair){-1, 2}, (point){3, -4}, 1.25f, 1L << 40, -8);
    CHECK(result.first == 2 && result.second == -1, "ABI %d: {%ld, %ld}", abi, result.first,
          result.second);
    CHECK(((short_function *)short_code)(100) == -100, "ABI %d", abi);
    trampfd_closure_free(closure);
    trampfd_closure_free(short_closure);
}

int main(void)
{
    for (int abi = FFI_FIRST_ABI + 1; abi < FFI_LAST_ABI; abi++)
        if (abi != FFI_DEFAULT_ABI)
            check((ffi_abi)abi);
    return 0;
}
