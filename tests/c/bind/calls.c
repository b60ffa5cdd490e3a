/* SPDX-License-Identifier: MIT */
/*
 * Bound functions of each way to be called: reading them back, calling, freeing inside their own
 * call, and a call after that.
 */
#include "plan/closures.h"

typedef struct {
    long l[3];
} large;

static void *own; /* freed by the function, unless NULL */

static void free_own(void)
{
    trampfd_closure_free(own);
}

static long subtract(long a, long b)
{
    free_own();
    return a - b;
}

static large spread(long a, long b, long c)
{
    free_own();
    return (large){{a, b, c}};
}

/* More integers than there are registers for. */
static double weigh(long a, long b, long c, long d, long e, long f, long g, long h, long i,
                    double more)
{
    free_own();
    return (double)(a + 2 * b + 3 * c + 4 * d + 5 * e + 6 * f + 7 * g + 8 * h + 9 * i) + more;
}

static double weigh_last(double more, long a, long b, long c, long d, long e, long f, long g,
                         long h, long i)
{
    return weigh(a, b, c, d, e, f, g, h, i, more);
}

static ffi_type *three_longs[] = {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, NULL};
static ffi_type type_large = {.type = FFI_TYPE_STRUCT, .elements = three_longs};
static ffi_type *types[] = {
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_double,
};
static ffi_type *types_last[] = {
    &ffi_type_double, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
    &ffi_type_slong,  &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
};

static void *code;

static void *bind(ffi_cif *cif, void (*function)(void), enum trampfd_position position,
                  enum trampfd_entry entry)
{
    struct trampfd_closure read;
    void *bound = trampfd_bind(cif, function, (void *)1000, position, &code, NULL);

    CHECK(bound, "%s", strerror(errno));
    CHECK(!trampfd_closure_read(code, &read) && read.allocated && read.closure == bound, "read");
    CHECK(read.entry == entry, "the entry is %d", read.entry);
    if (entry == TRAMPFD_ENTRY_BOUND)
        CHECK(!read.cif && !read.fun && read.user_data == (void *)1000, "what is read back");
    return bound;
}

/* Twice: the second call is the bound function's last. */
#define CALL(cif, function, position, entry, type, call, answer)                                   \
    do {                                                                                           \
        void *bound = bind(cif, (void (*)(void))function, position, entry);                        \
                                                                                                   \
        own = NULL;                                                                                \
        CHECK(((type *)code)call answer, "%s", #function);                                         \
        own = bound;                                                                               \
        CHECK(((type *)code)call answer, "%s that is freed inside", #function);                    \
        CHECK(status_now().slots_used == 0, "%s was not freed", #function);                        \
    } while (0)

int main(void)
{
    typedef long one(long);
    typedef large two(long, long);
    typedef double many(long, long, long, long, long, long, long, long, double);
    typedef double many_last(double, long, long, long, long, long, long, long, long);
    ffi_cif cif;

    make_cif(&cif, &ffi_type_slong, 2, types);
    CALL(&cif, subtract, TRAMPFD_FIRST, TRAMPFD_ENTRY_BOUND, one, (1), == 999);
    CALL(&cif, subtract, TRAMPFD_LAST, TRAMPFD_ENTRY_BOUND, one, (1), == -999);
    make_cif(&cif, &type_large, 3, types);
    CALL(&cif, spread, TRAMPFD_FIRST, TRAMPFD_ENTRY_BOUND, two, (1, 2), .l[1] == 1);
    CALL(&cif, spread, TRAMPFD_LAST, TRAMPFD_ENTRY_BOUND, two, (1, 2), .l[2] == 1000);
    make_cif(&cif, &ffi_type_double, 10, types);
    CALL(&cif, weigh, TRAMPFD_FIRST, TRAMPFD_ENTRY_PLAN, many, (1, 2, 3, 4, 5, 6, 7, 8, .5),
         == 1240.5);
    make_cif(&cif, &ffi_type_double, 10, types_last);
    CALL(&cif, weigh_last, TRAMPFD_LAST, TRAMPFD_ENTRY_PLAN, many_last,
         (.5, 1, 2, 3, 4, 5, 6, 7, 8), == 9204.5);

    /* An ordinary closure may take the place of a bound function. */
    own = NULL;
    make_cif(&cif, &ffi_type_slong, 2, types);
    own = bind(&cif, (void (*)(void))subtract, TRAMPFD_FIRST, TRAMPFD_ENTRY_BOUND);
    CHECK(!trampfd_closure_prep(own, adder_cif(), add, (void *)3), "preparation");
    CHECK(((adder *)code)(4) == 7, "the closure");
    trampfd_closure_free(own);
    return 0;
}
