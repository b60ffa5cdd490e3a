/* SPDX-License-Identifier: MIT */
/* Closures of generated signatures give and get the very bytes that compiled callers expect. */
#include "check.h"
#include "signatures.h"

enum { ARGUMENTS_MAX = 32, VALUE_MAX = 1024 };

/* Bytes that carry a value are marked: padding may be lost on the way. */
struct value {
    unsigned char bytes[VALUE_MAX], marks[VALUE_MAX];
};

static struct {
    const char *name;
    ffi_cif cif;
    struct value arguments[ARGUMENTS_MAX], result;
    int calls;
} now;

static unsigned char random_byte(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (unsigned char)(state >> 32);
}

static size_t fill(const ffi_type *type, size_t offset, struct value *value)
{
    size_t size = type->type == FFI_TYPE_LONGDOUBLE ? 10 : type->size;

    offset = (offset + type->alignment - 1) / type->alignment * type->alignment;
    if (type->type == FFI_TYPE_STRUCT) {
        size_t at = offset;

        for (ffi_type **member = type->elements; *member; member++)
            at = fill(*member, at, value);
        return offset + type->size;
    }
    if (type->type == FFI_TYPE_COMPLEX)
        return fill(type->elements[0], fill(type->elements[0], offset, value), value);
    for (size_t i = offset; i < offset + size; i++) {
        value->bytes[i] = random_byte();
        value->marks[i] = 1;
    }
    if (type->type == FFI_TYPE_LONGDOUBLE) { /* a number that x87 registers keep as it is */
        value->bytes[offset + 7] |= 0x80;
        value->bytes[offset + 9] &= 0x3f;
        value->bytes[offset + 8] |= 1;
    }
    return offset + type->size;
}

static void fill_value(const ffi_type *type, struct value *value)
{
    memset(value, 0, sizeof(*value));
    if (type->type == FFI_TYPE_VOID)
        return;
    CHECK(type->size <= VALUE_MAX, "%s: %zu bytes", now.name, type->size);
    fill(type, 0, value);
}

static void check_value(const struct value *given, const unsigned char *got, const char *what,
                        unsigned index)
{
    for (size_t i = 0; i < VALUE_MAX; i++)
        CHECK(!given->marks[i] || given->bytes[i] == got[i], "%s: %s %u, byte %zu: %#x for %#x",
              now.name, what, index, i, got[i], given->bytes[i]);
}

static void handle(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    const ffi_type *type = cif->rtype;

    CHECK(user_data == &now && cif == &now.cif, "%s: user data", now.name);
    now.calls++;
    for (unsigned i = 0; i < cif->nargs; i++)
        check_value(&now.arguments[i], arguments[i], "argument", i);
    switch (type->type) {
    case FFI_TYPE_VOID: break;
    case FFI_TYPE_SINT8: *(ffi_sarg *)result = *(int8_t *)now.result.bytes; break;
    case FFI_TYPE_SINT16: *(ffi_sarg *)result = *(int16_t *)now.result.bytes; break;
    case FFI_TYPE_SINT32: *(ffi_sarg *)result = *(int32_t *)now.result.bytes; break;
    case FFI_TYPE_UINT8:
    case FFI_TYPE_UINT16:
    case FFI_TYPE_UINT32: /* zeros follow the value */
        memcpy(result, now.result.bytes, sizeof(ffi_arg));
        break;
    default: memcpy(result, now.result.bytes, type->size);
    }
}

void *prepare(const char *name, ffi_type *result, unsigned count, ffi_type **types,
              void **arguments)
{
    static void *closure;
    void *code;

    now.name = name;
    CHECK(count <= ARGUMENTS_MAX, "%s: %u arguments", name, count);
    CHECK(ffi_prep_cif(&now.cif, FFI_DEFAULT_ABI, count, result, types) == FFI_OK, "%s", name);
    for (unsigned i = 0; i < count; i++) {
        fill_value(types[i], &now.arguments[i]);
        memcpy(arguments[i], now.arguments[i].bytes, types[i]->size);
    }
    fill_value(result, &now.result);
    trampfd_closure_free(closure);
    closure = trampfd_closure_alloc(sizeof(ffi_closure), &code, NULL);
    CHECK(closure, "%s: %s", name, strerror(errno));
    CHECK(!trampfd_closure_prep(closure, &now.cif, handle, &now), "%s", name);
    now.calls = 0;
    return code;
}

void check_result(const void *got)
{
    CHECK(now.calls == 1, "%s: called %d times", now.name, now.calls);
    if (got)
        check_value(&now.result, got, "result", 0);
}

int main(void)
{
    for (void (*const *signature)(void) = signatures; *signature; signature++)
        (*signature)();
    return 0;
}
