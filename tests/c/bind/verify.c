/* SPDX-License-Identifier: MIT */
/* Each value that a bound function was made of is compared, and named where it is another. */
#include "plan/closures.h"

static long subtract(long a, long b)
{
    return a - b;
}

static long add_up(long a, long b)
{
    return a + b;
}

static void nine(long a, long b, long c, long d, long e, long f, long g, long h, long i)
{
    (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h, (void)i;
}

static void (*const bound_to)(void) = (void (*)(void))subtract;
static void (*const other)(void) = (void (*)(void))add_up;
static void *const data = (void *)1000, *const other_data = (void *)1001;

static void *closure, *code;

/* What verify says of these values: nothing, or one difference of that name. */
static void verify(ffi_cif *cif, void (*function)(void), void *value,
                   enum trampfd_position position, const char *what, void *wanted, void *found)
{
    struct trampfd_report report;
    int error = trampfd_bind_verify(closure, code, cif, function, value, position, &report);

    CHECK(!error, "%s: %s", what ? what : "verify", strerror(-error));
    CHECK(!strcmp(report.provider, status_now().provider), "provider %s", report.provider);
    if (!what) {
        CHECK(report.count == 0, "%s differs", report.differences[0].what);
        return;
    }
    CHECK(report.count == 1, "%s: %u differences", what, report.count);
    CHECK(!strcmp(report.differences[0].what, what), "%s, not %s", report.differences[0].what,
          what);
    CHECK(report.differences[0].wanted == (uintptr_t)wanted
              && report.differences[0].found == (uintptr_t)found,
          "values of %s", what);
}

static void check_refused(int error, ffi_cif *cif, void (*function)(void), const void *address)
{
    struct trampfd_report report = {.count = 77};
    int got = trampfd_bind_verify(closure, address, cif, function, data, TRAMPFD_FIRST, &report);

    CHECK(got == -error, "%s, not %s", strerror(-got), strerror(error));
    CHECK(report.count == 77, "the report was written to");
}

static void bind(ffi_cif *cif, void (*function)(void))
{
    closure = trampfd_bind(cif, function, data, TRAMPFD_FIRST, &code, NULL);
    CHECK(closure, "%s", strerror(errno));
    verify(cif, function, data, TRAMPFD_FIRST, NULL, NULL, NULL);
    verify(cif, other, data, TRAMPFD_FIRST, "function", (void *)other, (void *)function);
    verify(cif, function, other_data, TRAMPFD_FIRST, "data", other_data, data);
}

int main(void)
{
    static ffi_type *types[] = {
        &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
        &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    };
    struct trampfd_report report;
    ffi_cif cif, same;

    make_cif(&cif, &ffi_type_slong, 2, types);
    bind(&cif, bound_to);
    CHECK(!trampfd_bind_verify(closure, code, &cif, bound_to, data, TRAMPFD_LAST, &report)
              && report.count == 1 && !strcmp(report.differences[0].what, "entry"),
          "position");
    check_refused(EINVAL, &cif, NULL, code);
    check_refused(ENOENT, &cif, bound_to, &cif);
    trampfd_closure_free(closure);
    CHECK(!trampfd_bind_verify(closure, code, &cif, bound_to, data, TRAMPFD_FIRST, &report)
              && report.count && !strcmp(report.differences[0].what, "entry"),
          "a freed one");

    /* An argument is on the stack, so libffi makes the call. */
    make_cif(&cif, &ffi_type_void, 9, types);
    make_cif(&same, &ffi_type_void, 9, types);
    bind(&cif, (void (*)(void))nine);
    verify(&cif, (void (*)(void))nine, data, TRAMPFD_LAST, "index", (void *)8, NULL);
    verify(&same, (void (*)(void))nine, data, TRAMPFD_FIRST, "cif of the function", &same, &cif);
    trampfd_closure_free(closure);
    return 0;
}
