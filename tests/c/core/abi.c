/* SPDX-License-Identifier: MIT */
/* Closures with the other calling convention that libffi knows on x86-64, that of Windows. */
#include "check.h"

#ifdef __x86_64__

typedef double __attribute__((ms_abi)) function(int, double, long, double, float, int);

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    CHECK(user_data == (void *)42, "user data %p", user_data);
    *(double *)result = *(int *)arguments[0] + 2 * *(double *)arguments[1]
                        + 3.0 * (double)*(long *)arguments[2] + 4 * *(double *)arguments[3]
                        + 5.0 * *(float *)arguments[4] + 6 * *(int *)arguments[5];
}

int main(void)
{
    ffi_type *types[] = {&ffi_type_sint,   &ffi_type_double, &ffi_type_slong,
                         &ffi_type_double, &ffi_type_float,  &ffi_type_sint};
    ffi_cif cif;
    function *code;
    void *closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)&code, NULL);
    double result;

    CHECK(closure, "%s", strerror(errno));
    CHECK(ffi_prep_cif(&cif, FFI_GNUW64, 6, &ffi_type_double, types) == FFI_OK, "cif");
    CHECK(!trampfd_closure_prep(closure, &cif, handle, (void *)42), "preparation");
    result = code(1, 1.5, 10, 0.25, 2, 100);
    CHECK(result == 1 + 3 + 30 + 1 + 10 + 600, "%g", result);
    trampfd_closure_free(closure);
    return 0;
}

#else

int main(void)
{
    SKIP("libffi has one calling convention on this CPU");
}

#endif
