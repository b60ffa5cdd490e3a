/* SPDX-License-Identifier: MIT */
#include "plan_key.h"

static int put_bytes(struct tfd_plan_key *key, const void *bytes, unsigned size)
{
    if (size > TFD_PLAN_KEY_SIZE - key->size)
        return 0;
    memcpy(key->bytes + key->size, bytes, size);
    key->size += size;
    return 1;
}

static int put_head(struct tfd_plan_key *key, uint32_t head)
{
    return put_bytes(key, &head, sizeof(head));
}

static int put_type(struct tfd_plan_key *key, const ffi_type *type)
{
    if (!put_head(key, tfd_plan_key_head(type)))
        return 0;
    if (!tfd_plan_key_nests(type))
        return 1;
    if (!type->elements || !put_bytes(key, &type->size, sizeof(type->size)))
        return 0;
    for (ffi_type **element = type->elements; *element; element++)
        if (!put_type(key, *element))
            return 0;
    return put_head(key, TFD_PLAN_KEY_END);
}

int tfd_plan_key_make(struct tfd_plan_key *key, const ffi_cif *cif)
{
    unsigned char abi = (unsigned char)cif->abi;

    key->size = 0;
    if (!put_bytes(key, &abi, 1) || !put_type(key, cif->rtype))
        return 0;
    for (unsigned i = 0; i < cif->nargs; i++)
        if (!put_type(key, cif->arg_types[i]))
            return 0;
    return 1;
}

const unsigned char *tfd_plan_key_skip_elements(const unsigned char *at, const ffi_type *type)
{
    if (!type->elements || memcmp(at, &type->size, sizeof(type->size)))
        return NULL;
    at += sizeof(type->size);
    for (ffi_type **element = type->elements; at && *element; element++)
        at = tfd_plan_key_skip_type(at, *element);
    return at ? tfd_plan_key_skip_head(at, TFD_PLAN_KEY_END) : NULL;
}

/* FNV-1a */
unsigned tfd_plan_key_hash(const struct tfd_plan_key *key)
{
    unsigned hash = 2166136261u;

    for (unsigned i = 0; i < key->size; i++)
        hash = (hash ^ key->bytes[i]) * 16777619u;
    return hash;
}

static int take_bytes(struct tfd_plan_types *types, void *bytes, size_t size)
{
    if (size > (size_t)(types->end - types->at))
        return 0;
    memcpy(bytes, types->at, size);
    types->at += size;
    return 1;
}

/* Makes a vector that NULL ends of a type and its siblings. */
static ffi_type **place(struct tfd_plan_types *types, ffi_type *first)
{
    ffi_type **vector = &types->places[types->place_count];
    unsigned count = 0;

    for (ffi_type *type = first; type; type = types->next[type - types->types])
        vector[count++] = type;
    vector[count++] = NULL;
    types->place_count += count;
    return vector;
}

static ffi_type *take_type(struct tfd_plan_types *types, uint32_t head);

/*
 * Types up to the end of the elements, or of the key.  Each place is for the type of a head, or for
 * one that ends elements, but one for the end of the key, which also has the ABI: so there are
 * enough of them.
 */
static int take_types(struct tfd_plan_types *types, int are_elements, ffi_type ***vector)
{
    ffi_type *first = NULL, **link = &first;
    uint32_t head;
    int has_head;

    while ((has_head = take_bytes(types, &head, sizeof(head))) && head != TFD_PLAN_KEY_END) {
        ffi_type *type = take_type(types, head);

        if (!type)
            return 0;
        *link = type;
        link = &types->next[type - types->types];
    }
    if (has_head != are_elements)
        return 0;
    *vector = place(types, first);
    return 1;
}

static ffi_type *take_type(struct tfd_plan_types *types, uint32_t head)
{
    static const unsigned char sizes[FFI_TYPE_LAST + 1] = {
        [FFI_TYPE_VOID] = 1,
        [FFI_TYPE_INT] = sizeof(int),
        [FFI_TYPE_FLOAT] = sizeof(float),
        [FFI_TYPE_DOUBLE] = sizeof(double),
        [FFI_TYPE_UINT8] = 1,
        [FFI_TYPE_SINT8] = 1,
        [FFI_TYPE_UINT16] = 2,
        [FFI_TYPE_SINT16] = 2,
        [FFI_TYPE_UINT32] = 4,
        [FFI_TYPE_SINT32] = 4,
        [FFI_TYPE_UINT64] = 8,
        [FFI_TYPE_SINT64] = 8,
        [FFI_TYPE_POINTER] = sizeof(void *),
    };
    uint32_t number = head >> 16;
    ffi_type *type = &types->types[types->count];

    if (number > FFI_TYPE_LAST || types->count++ == TFD_PLAN_TYPES_MAX)
        return NULL;
    *type = (ffi_type){
        /* On some CPUs that is the number of a double. */
        .size = number == FFI_TYPE_LONGDOUBLE ? sizeof(long double) : sizes[number],
        .alignment = (unsigned short)head,
        .type = (unsigned short)number,
    };
    if (tfd_plan_key_nests(type)
        && (!take_bytes(types, &type->size, sizeof(type->size))
            || !take_types(types, 1, &type->elements)))
        return NULL;
    if (type->type == FFI_TYPE_COMPLEX && !type->elements[0])
        return NULL;
    return type;
}

int tfd_plan_key_read(const struct tfd_plan_key *key, struct tfd_plan_types *types, ffi_cif *cif)
{
    unsigned char abi;
    uint32_t head;

    *types = (struct tfd_plan_types){.at = key->bytes, .end = key->bytes + key->size};
    *cif = (ffi_cif){.nargs = 0};
    if (!take_bytes(types, &abi, 1) || !take_bytes(types, &head, sizeof(head)))
        return 0;
    cif->abi = (ffi_abi)abi;
    cif->rtype = take_type(types, head);
    if (!cif->rtype || !take_types(types, 0, &cif->arg_types))
        return 0;
    while (cif->arg_types[cif->nargs])
        cif->nargs++;
    return 1;
}
