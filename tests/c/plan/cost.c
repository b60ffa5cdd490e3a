/* SPDX-License-Identifier: MIT */
/*
 * For counting instructions: so many calls of a closure with a handler in C.
 *
 *     cost nothing|ints|doubles|structure|mixed plan|libffi|stock CALLS
 *
 * "libffi" is the library's closure that libffi marshals, "stock" is libffi's own closure.
 */
#include "closures.h"

#include "closure/entry.h"
#include "slot/pool.h"

static int calls;

typedef struct {
    long first, second;
} pair;

static void do_nothing(ffi_cif *cif, void *result, void **a, void *user_data)
{
    (void)cif, (void)result, (void)a, (void)user_data;
}

static void add_ints(ffi_cif *cif, void *result, void **a, void *user_data)
{
    (void)cif, (void)user_data;
    *(ffi_sarg *)result = *(int *)a[0] + *(int *)a[1];
}

static void add_doubles(ffi_cif *cif, void *result, void **a, void *user_data)
{
    (void)cif, (void)user_data;
    *(double *)result = *(double *)a[0] + *(double *)a[1] + *(double *)a[2] + *(double *)a[3]
                        + *(double *)a[4] + *(double *)a[5];
}

static void swap_pair(ffi_cif *cif, void *result, void **a, void *user_data)
{
    (void)cif, (void)user_data;
    *(pair *)result = (pair){((pair *)a[0])->second, ((pair *)a[0])->first};
}

static void add_mixed(ffi_cif *cif, void *result, void **a, void *user_data)
{
    (void)cif, (void)user_data;
    *(double *)result = *(int *)a[0] + *(double *)a[1] + (double)*(long *)a[2] + *(float *)a[3]
                        + *(int *)a[4] + *(double *)a[5] + (double)*(long *)a[6] + *(int *)a[7]
                        + (double)*(long *)a[8] + (double)*(long *)a[9];
}

static void call_nothing(const void *code)
{
    for (int i = 0; i < calls; i++)
        ((void (*)(void))code)();
}

static void call_ints(const void *code)
{
    for (int i = 0; i < calls; i++)
        CHECK(((int (*)(int, int))code)(i, 2) == i + 2, "call %d", i);
}

static void call_doubles(const void *code)
{
    for (int i = 0; i < calls; i++)
        CHECK(((double (*)(double, double, double, double, double, double))code)(i, 1, 2, 3, 4, 5)
                  == i + 15,
              "call %d", i);
}

static void call_structure(const void *code)
{
    for (int i = 0; i < calls; i++)
        CHECK(((pair (*)(pair))code)((pair){i, 7}).second == i, "call %d", i);
}

static void call_mixed(const void *code)
{
    typedef double function(int, double, long, float, int, double, long, int, long, long);

    for (int i = 0; i < calls; i++)
        CHECK(((function *)code)(i, 1, 2, 3, 4, 5, 6, 7, 8, 9) == i + 45, "call %d", i);
}

static ffi_type *pair_members[] = {&ffi_type_slong, &ffi_type_slong, NULL};
static ffi_type type_pair = {.type = FFI_TYPE_STRUCT, .elements = pair_members};

static const struct {
    const char *name;
    void (*call)(const void *code);
    trampfd_handler handler;
    ffi_type *result;
    unsigned count;
    ffi_type *types[10];
} cases[] = {
    {"nothing", call_nothing, do_nothing, &ffi_type_void, 0, {0}},
    {"ints", call_ints, add_ints, &ffi_type_sint, 2, {&ffi_type_sint, &ffi_type_sint}},
    {"doubles",
     call_doubles,
     add_doubles,
     &ffi_type_double,
     6,
     {&ffi_type_double, &ffi_type_double, &ffi_type_double, &ffi_type_double, &ffi_type_double,
      &ffi_type_double}},
    {"structure", call_structure, swap_pair, &type_pair, 1, {&type_pair}},
    {"mixed",
     call_mixed,
     add_mixed,
     &ffi_type_double,
     10,
     {&ffi_type_sint, &ffi_type_double, &ffi_type_slong, &ffi_type_float, &ffi_type_sint,
      &ffi_type_double, &ffi_type_slong, &ffi_type_sint, &ffi_type_slong, &ffi_type_slong}},
};

static const void *make_plan(ffi_cif *cif, trampfd_handler handler)
{
    void *code, *closure = allocate(&code);

    CHECK(!trampfd_closure_prep(closure, cif, handler, NULL), "preparation");
    CHECK(entry_of(code) == TRAMPFD_ENTRY_PLAN, "there is no plan");
    return code;
}

static const void *make_libffi(ffi_cif *cif, trampfd_handler handler)
{
    union tfd_record record = {.closure = {.cif = cif, .fun = handler}};
    void *code, *closure = allocate(&code);

    CHECK(!tfd_entry_libffi_set(&record)
              && !tfd_pool_store(tfd_pool_find_closure(closure), &record),
          "a closure of libffi's");
    return code;
}

static const void *make_stock(ffi_cif *cif, trampfd_handler handler)
{
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), &code);

    if (!closure)
        SKIP("libffi cannot make closures here");
    CHECK(ffi_prep_closure_loc(closure, cif, handler, NULL, code) == FFI_OK, "stock closure");
    return code;
}

int main(int argc, char **argv)
{
    ffi_cif cif;

    CHECK(argc == 4, "which signature, marshalled by what, how many calls");
    calls = atoi(argv[3]);
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        if (strcmp(argv[1], cases[i].name))
            continue;
        make_cif(&cif, cases[i].result, cases[i].count, (ffi_type **)cases[i].types);
        if (!strcmp(argv[2], "plan"))
            cases[i].call(make_plan(&cif, cases[i].handler));
        else if (!strcmp(argv[2], "libffi"))
            cases[i].call(make_libffi(&cif, cases[i].handler));
        else
            cases[i].call(make_stock(&cif, cases[i].handler));
        return 0;
    }
    CHECK(0, "no signature %s", argv[1]);
}
