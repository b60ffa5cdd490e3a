/* SPDX-License-Identifier: MIT */
/*
 * Types are what they hold when a closure is prepared, not where they lie; and those that programs
 * describe in a way of their own get a plan that does as libffi, or none.
 */
#include "closures.h"
#include "traits.h"

enum { VALUE_MAX = 80 };

static unsigned char value[VALUE_MAX], seen[VALUE_MAX];
static int after;

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)user_data;
    CHECK((uintptr_t)arguments[0] % cif->arg_types[0]->alignment == 0, "the argument's alignment");
    memcpy(seen, arguments[0], cif->arg_types[0]->size);
    after = *(int *)arguments[1];
    memcpy(result, value, cif->rtype->size);
}

/*
 * type(type, int), called by libffi: what it passes must arrive, up to `size` bytes.  Returns
 * whether there is a plan.
 */
static int call(ffi_type *type, size_t size, const char *what)
{
    ffi_type *types[] = {type, &ffi_type_sint};
    unsigned char argument[VALUE_MAX], result[VALUE_MAX] = {0};
    void *code, *closure = allocate(&code), *pointers[] = {argument, &(int){-77}};
    enum trampfd_entry entry;
    ffi_cif cif;

    for (int i = 0; i < VALUE_MAX; i++)
        argument[i] = (unsigned char)(3 * i + 1), value[i] = (unsigned char)(5 * i + 2);
    make_cif(&cif, type, 2, types);
    CHECK(!trampfd_closure_prep(closure, &cif, handle, NULL), "%s", what);
    entry = entry_of(code);
    ffi_call(&cif, FFI_FN(code), result, pointers);
    for (size_t i = 0; i < size; i++) {
        CHECK(seen[i] == (unsigned char)(3 * i + 1), "%s: byte %zu of the argument", what, i);
        CHECK(result[i] == (unsigned char)(5 * i + 2), "%s: byte %zu of the result", what, i);
    }
    CHECK(after == -77, "%s: the next argument is %d", what, after);
    trampfd_closure_free(closure);
    return entry == TRAMPFD_ENTRY_PLAN;
}

#define ELEMENTS(...) ((ffi_type *[]){__VA_ARGS__, NULL})

static ffi_type structure_of(size_t size, unsigned short alignment, ffi_type **elements)
{
    return (ffi_type){
        .size = size, .alignment = alignment, .type = FFI_TYPE_STRUCT, .elements = elements};
}

/* The same memory is one type after another. */
static void check_reuse(void)
{
    ffi_type *elements[] = {&ffi_type_slong, &ffi_type_slong, NULL};
    ffi_type structure = structure_of(0, 0, elements);

    for (int i = 0; i < 10; i++) {
        elements[0] = &ffi_type_slong;
        CHECK(call(&structure, 16, "{long; long}"), "a plan");
        elements[0] = &ffi_type_double;
        CHECK(call(&structure, 16, "{double; long}"), "a plan");
        elements[1] = &ffi_type_double;
        CHECK(call(&structure, 16, "{double; double}"), "a plan");
        elements[0] = &ffi_type_slong;
        CHECK(call(&structure, 16, "{long; double}"), "a plan");
        elements[1] = &ffi_type_slong;
    }
}

/* Types that differ in nothing but where a scalar may lie. */
static void check_alignment_of_scalars(void)
{
    ffi_type packed_float = {4, 1, FFI_TYPE_FLOAT, NULL};
    ffi_type packed_short = {2, 1, FFI_TYPE_SINT16, NULL};
    ffi_type usual = structure_of(
        16, 8, ELEMENTS(&ffi_type_uint8, &ffi_type_float, &ffi_type_sint16, &ffi_type_float));
    ffi_type packed = structure_of(
        16, 8,
        ELEMENTS(&ffi_type_uint8, &packed_float, &packed_short, &packed_float, &packed_float));
    ffi_type wide_char = {1, 8, FFI_TYPE_UINT8, NULL};
    ffi_type late = structure_of(16, 8, ELEMENTS(&ffi_type_float, &wide_char, &ffi_type_float));
    ffi_type early =
        structure_of(16, 8, ELEMENTS(&ffi_type_float, &ffi_type_uint8, &ffi_type_float));

    for (int i = 0; i < 2; i++) {
        call(&usual, 4, "with the alignment of the types");
        call(&packed, 4, "without alignment");
        call(&late, 4, "{float; aligned char; float}");
        call(&early, 4, "{float; char; float}");
    }
}

/* What is not in the elements is in the size, as ctypes describes packed structures. */
static void check_elements_beyond_size(void)
{
    ffi_type six = structure_of(6, 1, ELEMENTS(&ffi_type_uint8, &ffi_type_uint32, &ffi_type_uint8));
    ffi_type nine = structure_of(9, 1, ELEMENTS(&ffi_type_uint8, &ffi_type_double));
    ffi_type ten =
        structure_of(10, 1, ELEMENTS(&ffi_type_uint8, &ffi_type_uint64, &ffi_type_uint8));
    ffi_type bit_fields = structure_of(
        4, 4, ELEMENTS(&ffi_type_sint, &ffi_type_sint, &ffi_type_sint, &ffi_type_sint));

    call(&six, 6, "packed {char; int; char}");
    if (!LIBFFI_NEEDS_ELEMENTS)
        call(&nine, 9, "packed {char; double}");
    call(&ten, 10, "packed {char; long; char}");
    call(&bit_fields, 4, "four bit fields of an int");
}

/* Large structures need no elements: nothing looks at them. */
static void check_no_elements(void)
{
    ffi_type opaque = structure_of(80, 8, NULL);

    if (!LIBFFI_NEEDS_ELEMENTS)
        call(&opaque, 80, "a structure without elements");
}

/* libffi's own calls and closures do not agree on how these are passed. */
static void check_refused(void)
{
    ffi_type nothing = structure_of(1, 1, (ffi_type *[]){NULL}); /* as in C++ */
    ffi_type aligned_32 = structure_of(
        32, 32, ELEMENTS(&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong));
    ffi_type aligned_word = structure_of(16, 16, ELEMENTS(&ffi_type_slong));
    ffi_type *empty[] = {&nothing}, *aligned[] = {&aligned_32}, *padded[] = {&aligned_word};
    ffi_cif cif;

    make_cif(&cif, &ffi_type_void, 1, empty);
    CHECK(!tfd_plan_get(&cif), "an empty structure has a plan as an argument");
    make_cif(&cif, &nothing, 0, NULL);
    CHECK(!tfd_plan_get(&cif), "an empty structure has a plan as a result");
    make_cif(&cif, &ffi_type_void, 1, aligned);
    CHECK(!tfd_plan_get(&cif), "a structure aligned to 32 has a plan");
    make_cif(&cif, &ffi_type_void, 1, padded);
    CHECK(!tfd_plan_get(&cif), "a structure with a word of padding has a plan");
}

/* No plan has complex integers. */
static void check_complex(void)
{
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    ffi_type complex_int = {8, 4, FFI_TYPE_COMPLEX, ELEMENTS(&ffi_type_sint)};

    CHECK(!call(&complex_int, 8, "a complex int"), "it has a plan");
#endif
}

static void check_others(void)
{
    ffi_type pair = structure_of(16, 8, ELEMENTS(&ffi_type_slong, &ffi_type_slong));
    ffi_type aligned_16 = structure_of(16, 16, ELEMENTS(&ffi_type_slong, &ffi_type_slong));
    ffi_type aligned_doubles = structure_of(16, 16, ELEMENTS(&ffi_type_double, &ffi_type_double));
    ffi_type aligned_mixed = structure_of(16, 16, ELEMENTS(&ffi_type_double, &ffi_type_slong));
    ffi_type union_of_double_and_long = structure_of(8, 8, ELEMENTS(&ffi_type_double));

    CHECK(call(&pair, 16, "a pair"), "it has no plan");
    CHECK(call(&aligned_16, 16, "aligned to 16") == PLANS_ALIGNED, "its plan");
    CHECK(call(&aligned_doubles, 16, "doubles aligned to 16") == PLANS_ALIGNED, "its plan");
    CHECK(call(&aligned_mixed, 16, "{double; long} aligned to 16") == PLANS_ALIGNED, "its plan");
    call(&union_of_double_and_long, 8, "a union by its first member");
}

/* libffi knows this one as a result only. */
static void check_int_code(void)
{
    ffi_type type_int = {4, 4, FFI_TYPE_INT, NULL}, *types[] = {&ffi_type_sint};
    void *code, *closure = allocate(&code);
    ffi_cif cif;

    make_cif(&cif, &type_int, 1, types);
    CHECK(!trampfd_closure_prep(closure, &cif, add, (void *)(intptr_t)-50), "preparation");
    CHECK(((adder *)code)(20) == -30, "%d", ((adder *)code)(20));
    trampfd_closure_free(closure);
}

int main(void)
{
    check_reuse();
    check_alignment_of_scalars();
    check_elements_beyond_size();
    check_no_elements();
    check_refused();
    check_complex();
    check_others();
    check_int_code();
    return 0;
}
