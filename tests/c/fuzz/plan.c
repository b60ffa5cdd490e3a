/* SPDX-License-Identifier: MIT */
/*
 * Signatures of types as strange as libffi takes them.  ffi_call() calls a closure that has a plan,
 * and has to bring arguments and result over.  There are signatures for which it does not: then a
 * closure of libffi's own has to see the same.
 */
#include "input.h"

#include "closure/plan_key.h"
#include "trampfd.h"

enum { ARGUMENTS_MAX = 16, TYPES_MAX = 64, PLACES_MAX = 256, MEMBERS_MAX = 6, VALUE_MAX = 128 };

/* The types of one input. */
static ffi_type types[TYPES_MAX], *places[PLACES_MAX];
static unsigned type_count, place_count;

static ffi_type *const scalars[] = {
    &ffi_type_uint8,         &ffi_type_sint8,          &ffi_type_uint16,
    &ffi_type_sint16,        &ffi_type_uint32,         &ffi_type_sint32,
    &ffi_type_uint64,        &ffi_type_sint64,         &ffi_type_pointer,
    &ffi_type_float,         &ffi_type_double,         &ffi_type_float,
    &ffi_type_longdouble,
#ifdef FFI_TARGET_HAS_COMPLEX_TYPE
    &ffi_type_complex_float, &ffi_type_complex_double, &ffi_type_complex_longdouble,
#endif
};

enum { SCALARS = sizeof(scalars) / sizeof(*scalars) };

/* A scalar as members of packed structures are described: with another alignment. */
static ffi_type *realigned(struct input *input, const ffi_type *scalar)
{
    ffi_type *type = &types[type_count++];

    *type = *scalar;
    type->alignment = (unsigned short)(1u << take_below(input, 6));
    return type;
}

/* NULL where there is no place for it. */
static ffi_type *draw_type(struct input *input, unsigned depth)
{
    unsigned kind = take_below(input, SCALARS + 8), count;
    ffi_type *type, **members;

    if (kind < SCALARS)
        return scalars[kind];
    if (type_count == TYPES_MAX)
        return NULL;
    if (kind == SCALARS)
        return realigned(input, scalars[take_below(input, SCALARS)]);
    count = take_below(input, MEMBERS_MAX + 1);
    if (depth == 0 || place_count + count + 1 > PLACES_MAX)
        return NULL;
    type = &types[type_count++];
    members = &places[place_count];
    place_count += count + 1;
    *type = (ffi_type){.type = FFI_TYPE_STRUCT, .elements = members};
    for (unsigned i = 0; i < count; i++) {
        members[i] = draw_type(input, depth - 1);
        if (!members[i])
            return NULL;
    }
    members[count] = NULL;
    return type;
}

static int draw_cif(struct input *input, ffi_cif *cif, ffi_type **arguments)
{
    unsigned count = take_below(input, ARGUMENTS_MAX + 1);
    ffi_type *result = take_below(input, 8) ? draw_type(input, 3) : &ffi_type_void;

    for (unsigned i = 0; i < count && result; i++) {
        arguments[i] = draw_type(input, 3);
        if (!arguments[i])
            return 0;
    }
    if (!result || ffi_prep_cif(cif, FFI_DEFAULT_ABI, count, result, arguments) != FFI_OK)
        return 0;
    for (unsigned i = 0; i < count; i++)
        if (arguments[i]->size > VALUE_MAX)
            return 0;
    return result->size <= VALUE_MAX;
}

/* Values, and which of their bytes count. */
struct value {
    _Alignas(64) unsigned char bytes[VALUE_MAX];
};

static void mark(const ffi_type *type, unsigned char *counts, size_t offset)
{
    if (type->type != FFI_TYPE_STRUCT && type->type != FFI_TYPE_COMPLEX) {
        memset(counts + offset, 1, type->type == FFI_TYPE_LONGDOUBLE ? 10 : type->size);
        return;
    }
    for (ffi_type **element = type->elements; *element; element++) {
        size_t alignment = (*element)->alignment;

        offset = (offset + alignment - 1) / alignment * alignment;
        mark(*element, counts, offset);
        offset += (*element)->size;
        if (type->type == FFI_TYPE_COMPLEX)
            mark(*element, counts, offset);
    }
}

static int same(const ffi_type *type, const struct value *one, const struct value *other)
{
    struct value counts = {{0}};

    if (type->type == FFI_TYPE_VOID)
        return 1;
    mark(type, counts.bytes, 0);
    for (size_t i = 0; i < type->size; i++)
        if (counts.bytes[i] && one->bytes[i] != other->bytes[i])
            return 0;
    return 1;
}

/* What goes into calls, and what one brought over. */
static struct value arguments_given[ARGUMENTS_MAX], result_given;

struct sight {
    unsigned calls;
    int checks_alignment;
    struct value arguments[ARGUMENTS_MAX], result;
};

static void fill(struct value *value, uint64_t *state)
{
    for (size_t i = 0; i < sizeof(value->bytes); i++) {
        *state = *state * 6364136223846793005u + 1442695040888963407u;
        value->bytes[i] = (unsigned char)(*state >> 56);
    }
}

static void fill_all(unsigned count)
{
    uint64_t state = 1;

    fill(&result_given, &state);
    for (unsigned i = 0; i < count; i++)
        fill(&arguments_given[i], &state);
}

/* libffi wants a whole ffi_arg of narrow integers. */
static size_t bytes_of_result(const ffi_type *type)
{
    int is_other = type->type == FFI_TYPE_FLOAT || type->type == FFI_TYPE_STRUCT
                   || type->type == FFI_TYPE_COMPLEX;

    return is_other || type->size >= sizeof(ffi_arg) ? type->size : sizeof(ffi_arg);
}

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    struct sight *sight = user_data;

    sight->calls++;
    for (unsigned i = 0; i < cif->nargs; i++) {
        AGREE(!sight->checks_alignment
                  || (uintptr_t)arguments[i] % cif->arg_types[i]->alignment == 0,
              "argument %u at %p", i, arguments[i]);
        memcpy(sight->arguments[i].bytes, arguments[i], cif->arg_types[i]->size);
    }
    if (cif->rtype->type != FFI_TYPE_VOID)
        memcpy(result, result_given.bytes, bytes_of_result(cif->rtype));
}

static void call(ffi_cif *cif, void *code, struct sight *sight)
{
    struct value copies[ARGUMENTS_MAX];
    void *arguments[ARGUMENTS_MAX];

    for (unsigned i = 0; i < cif->nargs; i++) {
        copies[i] = arguments_given[i];
        arguments[i] = copies[i].bytes;
    }
    ffi_call(cif, FFI_FN(code), sight->result.bytes, arguments);
    AGREE(sight->calls == 1, "%u calls", sight->calls);
}

/* The number of the argument that differs from that in `values`, or their number. */
static unsigned wrong_argument(const ffi_cif *cif, const struct sight *sight,
                               const struct value *values)
{
    unsigned i = 0;

    while (i < cif->nargs && same(cif->arg_types[i], &values[i], &sight->arguments[i]))
        i++;
    return i;
}

static int is_whole(const ffi_cif *cif, const struct sight *sight)
{
    return wrong_argument(cif, sight, arguments_given) == cif->nargs
           && same(cif->rtype, &result_given, &sight->result);
}

static void check_with_libffi(ffi_cif *cif, const struct sight *plans)
{
    struct sight sight = {0};
    unsigned wrong;
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof(*closure), &code);

    AGREE(closure && ffi_prep_closure_loc(closure, cif, handle, &sight, code) == FFI_OK,
          "a closure of libffi");
    call(cif, code, &sight);
    ffi_closure_free(closure);
    wrong = wrong_argument(cif, &sight, plans->arguments);
    AGREE(wrong == cif->nargs, "argument %u of %u", wrong, cif->nargs);
    AGREE(same(cif->rtype, &sight.result, &plans->result), "the result");
}

static void check_key(const ffi_cif *cif)
{
    static struct tfd_plan_types read;
    struct tfd_plan_key key, again;
    ffi_cif other;

    if (!tfd_plan_key_make(&key, cif))
        return;
    AGREE(tfd_plan_key_read(&key, &read, &other), "a key cannot be read");
    AGREE(other.nargs == cif->nargs && tfd_plan_key_make(&again, &other), "%u arguments",
          other.nargs);
    AGREE(again.size == key.size && !memcmp(again.bytes, key.bytes, key.size), "another key");
}

static void check_call(ffi_cif *cif)
{
    struct sight sight = {.checks_alignment = 1};
    struct trampfd_closure read;
    struct trampfd_report report;
    void *code, *closure = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);

    AGREE(closure && !trampfd_closure_prep(closure, cif, handle, &sight), "a closure");
    AGREE(!trampfd_closure_read(code, &read), "reading back");
    AGREE(!trampfd_closure_verify(code, cif, handle, &sight, &report) && !report.count, "%s",
          report.differences[0].what);
    if (read.entry == TRAMPFD_ENTRY_PLAN) {
        fill_all(cif->nargs);
        call(cif, code, &sight);
        if (!is_whole(cif, &sight))
            check_with_libffi(cif, &sight);
    }
    trampfd_closure_free(closure);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct input input = {data, data + size};
    ffi_type *arguments[ARGUMENTS_MAX];
    ffi_cif cif;

    type_count = place_count = 0;
    if (draw_cif(&input, &cif, arguments)) {
        check_key(&cif);
        check_call(&cif);
    }
    return 0;
}
