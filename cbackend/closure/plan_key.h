/* SPDX-License-Identifier: MIT */
/*
 * The key of a plan: a signature's types by content, written as a string.  The addresses of a
 * program's ffi_type structures may come to hold other types.
 */
#ifndef TFD_PLAN_KEY_H
#define TFD_PLAN_KEY_H

#include "plan.h"

#include <string.h>

#define TFD_PLAN_KEY_SIZE 1024
#define TFD_PLAN_KEY_END UINT32_MAX /* of a type's elements; no type has this head */

struct tfd_plan_key {
    unsigned size;
    unsigned char bytes[TFD_PLAN_KEY_SIZE];
};

/* The types of a key: each takes a head there, and so does the end of its elements. */
#define TFD_PLAN_TYPES_MAX (TFD_PLAN_KEY_SIZE / sizeof(uint32_t))

struct tfd_plan_types {
    const unsigned char *at, *end; /* what is left of the key */
    unsigned count, place_count;
    ffi_type types[TFD_PLAN_TYPES_MAX];
    ffi_type *next[TFD_PLAN_TYPES_MAX];   /* of its siblings, for each; or NULL */
    ffi_type *places[TFD_PLAN_TYPES_MAX]; /* elements of structures, and arguments */
};

/* Returns 0 for a signature that does not fit, or that is none. */
int tfd_plan_key_make(struct tfd_plan_key *key, const ffi_cif *cif);

unsigned tfd_plan_key_hash(const struct tfd_plan_key *key);

/* The reverse of tfd_plan_key_make(); the cif's types are in `types`.  Returns 0 if it is no key. */
int tfd_plan_key_read(const struct tfd_plan_key *key, struct tfd_plan_types *types, ffi_cif *cif);

static inline int tfd_plan_key_nests(const ffi_type *type)
{
    return type->type == FFI_TYPE_STRUCT || type->type == FFI_TYPE_COMPLEX;
}

/*
 * What tells a scalar from others.  Its alignment counts too: programs describe packed
 * structures by it.
 */
static inline uint32_t tfd_plan_key_head(const ffi_type *type)
{
    return (uint32_t)type->type << 16 | type->alignment;
}

/* Steps of the function below.  They return where a key goes on, NULL if it has something else. */
const unsigned char *tfd_plan_key_skip_elements(const unsigned char *at, const ffi_type *type);

static inline const unsigned char *tfd_plan_key_skip_head(const unsigned char *at, uint32_t head)
{
    uint32_t there;

    memcpy(&there, at, sizeof(there));
    return there == head ? at + sizeof(there) : NULL;
}

static inline const unsigned char *tfd_plan_key_skip_type(const unsigned char *at,
                                                          const ffi_type *type)
{
    at = tfd_plan_key_skip_head(at, tfd_plan_key_head(type));
    return at && tfd_plan_key_nests(type) ? tfd_plan_key_skip_elements(at, type) : at;
}

/*
 * Is this the plan of the cif?  What tfd_plan_key_make() writes tells its own length, so a mismatch
 * is seen before the key ends.
 */
static inline int tfd_plan_key_matches(const struct tfd_plan *plan, const ffi_cif *cif)
{
    const unsigned char *at = plan->key + 1;

    if (plan->count != cif->nargs || plan->key[0] != (unsigned char)cif->abi
        || TFD_PORT_IS_VARIADIC(cif))
        return 0;
    at = tfd_plan_key_skip_type(at, cif->rtype);
    for (unsigned i = 0; at && i < cif->nargs; i++)
        at = tfd_plan_key_skip_type(at, cif->arg_types[i]);
    return at != NULL;
}

#endif
