/* SPDX-License-Identifier: MIT */
/*
 * Plans for LP64D, the calling convention of RISC-V with registers for doubles ("RISC-V Calling
 * Conventions", "Integer Calling Convention" and "Hardware Floating-point Calling Convention"):
 * which register or stack word each argument arrives in, for types as libffi describes them.
 *
 * What stays with libffi: other ABIs, empty structures, those that are aligned to more than their
 * members, complex numbers, types this file does not know (vectors), and structures of a float and
 * one more member whose second one libffi and compilers, or ctypes, place differently.
 */
#include "frame.h"

#include "arch/port.h"
#include "base/ffi_type.h"
#include "closure/plan.h"
#include "slot/allowed.h"

/* What to do after the handler has stored the result. */
enum result {
    RESULT_32 = TFD_RESULT_32,           /* also of a structure that begins with an integer */
    RESULT_MEMORY = TFD_RESULT_ADDRESS,  /* through the pointer in a0 */
    RESULT_NO_WORD = TFD_RESULT_OF_PORT, /* nothing, or floats, by the tail */
    RESULT_U8,
    RESULT_S8,
    RESULT_U16,
    RESULT_S16,
    RESULT_WORDS,   /* one or two words for a0 and a1 */
    RESULT_32_AT_4, /* a float, which the tail loads, and an integer behind it */
    RESULT_32_AT_8,
    RESULT_WORD_AT_8,
};

_Static_assert(offsetof(union tfd_record, tail.entry) == RECORD_TAIL, "tail");
_Static_assert(TFD_PORT_RESULT_32 == FRAME_RESULT, "results");
_Static_assert(TFD_PORT_RESULT_ADDRESS == FRAME_WORDS, "results in memory");
_Static_assert(FRAME_STACK == FRAME_WORDS + WORD_REGISTERS * TFD_WORD, "words go on on the stack");
_Static_assert(FRAME_SIZE % 16 == 0 && FRAME_WORDS % 16 == 0, "long doubles are aligned");

#define WORD 8
#define IN_REGISTERS_MAX (2 * WORD)

/* The first scalars of a type, in memory order, and the number of all. */
struct fields {
    unsigned count;
    const ffi_type *type[2];
    size_t offset[2];
    int has_long_double;
};

static int is_float(const ffi_type *type)
{
    return type->type == FFI_TYPE_FLOAT || type->type == FFI_TYPE_DOUBLE;
}

/* Compilers take a pointer for none here. */
static int is_integer(const ffi_type *type)
{
    return tfd_is_integer_or_pointer(type) && type->type != FFI_TYPE_POINTER;
}

static size_t round_up(size_t size, size_t alignment)
{
    return (size + alignment - 1) / alignment * alignment;
}

/* Returns 0 for a type that only libffi can pass. */
static int flatten(const ffi_type *type, size_t offset, struct fields *fields)
{
    size_t inside = 0;

    if (type->type == FFI_TYPE_STRUCT) {
        for (ffi_type **element = type->elements; *element; element++) {
            if (!(*element)->size || !(*element)->alignment)
                return 0;
            inside = round_up(inside, (*element)->alignment);
            if (!flatten(*element, offset + inside, fields))
                return 0;
            inside += (*element)->size;
        }
        return fields->count > 0;
    }
    if (fields->count < 2) {
        fields->type[fields->count] = type;
        fields->offset[fields->count] = offset;
    }
    fields->count++;
    fields->has_long_double |= type->type == FFI_TYPE_LONGDOUBLE;
    return tfd_is_integer_or_pointer(type) || is_float(type) || type->type == FFI_TYPE_LONGDOUBLE;
}

/*
 * How a value is passed while there are registers: in one or two of those for floats, or in one of
 * them and one for integers, each with a field; or, if `floats` is 0, in as many words as its size
 * needs, or by reference.
 */
struct shape {
    unsigned floats, words;
    const ffi_type *first, *second; /* the fields; `second` may be NULL */
    size_t between;                 /* their starts, in bytes: 4 or 8 */
};

/* libffi looks for the second field where the first one ends, and ctypes packs without saying so. */
static int are_placed_alike(const ffi_type *type, const struct fields *fields)
{
    size_t at = fields->offset[1];

    return at == round_up(fields->type[0]->size, fields->type[1]->alignment)
           && at + fields->type[1]->size <= type->size
           && (at == WORD || (at == WORD / 2 && fields->type[1]->size <= WORD / 2));
}

static int examine(const ffi_type *type, struct shape *shape)
{
    struct fields fields = {0};
    unsigned floats;

    *shape = (struct shape){0};
    if (!flatten(type, 0, &fields))
        return 0;
    if (type->alignment > (fields.has_long_double ? IN_REGISTERS_MAX : WORD))
        return 0;
    if (fields.count > 2)
        return 1;
    floats = (unsigned)is_float(fields.type[0]);
    if (fields.count == 1) {
        if (floats)
            *shape = (struct shape){.floats = 1, .first = fields.type[0]};
        return 1;
    }
    floats += (unsigned)is_float(fields.type[1]);
    if (floats + (unsigned)is_integer(fields.type[0]) + (unsigned)is_integer(fields.type[1]) != 2
        || !floats)
        return 1;
    *shape = (struct shape){floats, 2 - floats, fields.type[0], fields.type[1], fields.offset[1]};
    return are_placed_alike(type, &fields);
}

extern const char tfd_plan_entries[];
tfd_entry tfd_plan_tail_words, tfd_plan_tail_singles, tfd_plan_tail_doubles,
    tfd_plan_tail_single_double, tfd_plan_tail_double_single, tfd_plan_tail_single_at_4,
    tfd_plan_tail_single_at_8, tfd_plan_tail_double_at_8;

/* They read the record until the dispatch is called, and store below the stack pointer before. */
const struct tfd_entries tfd_entries_plan = {
    .first = (uintptr_t)tfd_plan_entries,
    .count = PLAN_ENTRIES,
    .size = PLAN_ENTRY_SIZE,
};

static void set_result(struct tfd_plan *plan, enum result result, tfd_entry *tail)
{
    plan->result = result;
    plan->result_offset = result == RESULT_MEMORY ? FRAME_WORDS : FRAME_RESULT;
    plan->is_in_memory = result == RESULT_MEMORY;
    plan->tail = tail;
}

static int is_single(const ffi_type *type)
{
    return type->type == FFI_TYPE_FLOAT;
}

/* A tail may load one register more than the result has: callers expect nothing in it. */
static tfd_entry *tail_for(const struct shape *shape)
{
    const ffi_type *second = shape->second;

    if (!is_float(shape->first))
        return !is_single(second)       ? tfd_plan_tail_double_at_8
               : shape->between == WORD ? tfd_plan_tail_single_at_8
                                        : tfd_plan_tail_single_at_4;
    if (is_single(shape->first))
        return second && second->type == FFI_TYPE_DOUBLE ? tfd_plan_tail_single_double
                                                         : tfd_plan_tail_singles;
    return second && is_single(second) ? tfd_plan_tail_double_single : tfd_plan_tail_doubles;
}

/* What comes into a0. */
static enum result word_of(const struct shape *shape)
{
    if (!shape->words)
        return RESULT_NO_WORD;
    if (!is_float(shape->first))
        return shape->first->size == WORD ? RESULT_WORDS : RESULT_32;
    if (shape->between < WORD)
        return RESULT_32_AT_4;
    return shape->second->size == WORD ? RESULT_WORD_AT_8 : RESULT_32_AT_8;
}

static int plan_result(struct tfd_plan *plan, const ffi_type *type)
{
    static const enum result words[] = {
        [FFI_TYPE_VOID] = RESULT_NO_WORD,  [FFI_TYPE_INT] = RESULT_32,
        [FFI_TYPE_UINT8] = RESULT_U8,      [FFI_TYPE_SINT8] = RESULT_S8,
        [FFI_TYPE_UINT16] = RESULT_U16,    [FFI_TYPE_SINT16] = RESULT_S16,
        [FFI_TYPE_UINT32] = RESULT_32,     [FFI_TYPE_SINT32] = RESULT_32,
        [FFI_TYPE_UINT64] = RESULT_WORDS,  [FFI_TYPE_SINT64] = RESULT_WORDS,
        [FFI_TYPE_POINTER] = RESULT_WORDS,
    };
    struct shape shape;

    if (type->type == FFI_TYPE_VOID || tfd_is_integer_or_pointer(type)) {
        set_result(plan, words[type->type], tfd_plan_tail_words);
        return 1;
    }
    if (!examine(type, &shape))
        return 0;
    if (shape.floats)
        set_result(plan, word_of(&shape), tail_for(&shape));
    else if (type->size > IN_REGISTERS_MAX)
        set_result(plan, RESULT_MEMORY, tfd_plan_tail_words);
    else
        set_result(plan, RESULT_WORDS, tfd_plan_tail_words);
    return 1;
}

/* Registers taken so far; words beyond the registers are those of the caller's stack. */
struct position {
    unsigned words, floats;
};

static int place_words(struct tfd_plan *plan, unsigned index, const ffi_type *type,
                       struct position *at)
{
    int offset;

    if (at->words > WORD_REGISTERS && type->alignment > WORD)
        at->words = (unsigned)round_up(at->words, 2);
    offset = FRAME_WORDS + (int)at->words * WORD;
    at->words += (unsigned)(type->size + WORD - 1) / WORD;
    if (offset % type->alignment)
        plan->gathers[plan->gather_count++] = (struct tfd_gather){
            .argument = index,
            .count = 2,
            .size = WORD,
            .from = {offset, offset + WORD},
        };
    return offset;
}

/* Fields in two registers are gathered, but where these lie as the fields do. */
static int place_fields(struct tfd_plan *plan, unsigned index, const struct shape *shape,
                        struct position *at)
{
    int offset = FRAME_FLOATS + (int)at->floats * WORD;
    int other = shape->words ? FRAME_WORDS + (int)at->words * WORD : offset + WORD;
    int is_float_first = is_float(shape->first);

    at->floats += shape->floats;
    at->words += shape->words;
    if (shape->words || (shape->second && shape->between < WORD))
        plan->gathers[plan->gather_count++] = (struct tfd_gather){
            .argument = index,
            .count = 2,
            .size = (unsigned)shape->between,
            .from = {is_float_first ? offset : other, is_float_first ? other : offset},
        };
    return offset;
}

/* Larger values are replaced by their address. */
static int place_reference(struct tfd_plan *plan, unsigned index, struct position *at)
{
    int offset = FRAME_WORDS + (int)at->words++ * WORD;

    plan->gathers[plan->gather_count++] = (struct tfd_gather){
        .argument = index,
        .count = 0,
        .from = {offset},
    };
    return offset;
}

static int place(struct tfd_plan *plan, unsigned index, const ffi_type *type, struct position *at)
{
    struct shape shape;

    if (!examine(type, &shape))
        return 0;
    if (shape.floats && at->floats + shape.floats <= FLOAT_REGISTERS
        && (!shape.words || at->words < WORD_REGISTERS))
        plan->offsets[index] = place_fields(plan, index, &shape, at);
    else if (type->size > IN_REGISTERS_MAX)
        plan->offsets[index] = place_reference(plan, index, at);
    else
        plan->offsets[index] = place_words(plan, index, type, at);
    return 1;
}

static tfd_entry *entry_for(const struct position *at)
{
    unsigned words = at->words < WORD_REGISTERS ? at->words : WORD_REGISTERS;
    size_t index = (size_t)words * (FLOAT_REGISTERS + 1) + at->floats;

    return (tfd_entry *)(uintptr_t)(tfd_plan_entries + index * PLAN_ENTRY_SIZE);
}

int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif)
{
    struct position at = {0};

    if (cif->abi != FFI_SYSV || !plan_result(plan, cif->rtype))
        return 0;
    at.words = (unsigned)plan->is_in_memory;
    for (unsigned i = 0; i < plan->count; i++)
        if (!place(plan, i, cif->arg_types[i], &at))
            return 0;
    plan->entry = entry_for(&at);
    return 1;
}

/* Integers of less than a word fill their register with copies of their sign, or with zeros. */
struct tfd_return_words tfd_port_finish(unsigned kind, char *frame)
{
    const char *at = frame + FRAME_RESULT;
    const uintptr_t *word = (const uintptr_t *)at;

    switch ((enum result)kind) {
    case RESULT_U8: return (struct tfd_return_words){*(const uint8_t *)at, 0};
    case RESULT_S8: return (struct tfd_return_words){(uintptr_t)*(const int8_t *)at, 0};
    case RESULT_U16: return (struct tfd_return_words){*(const uint16_t *)at, 0};
    case RESULT_S16: return (struct tfd_return_words){(uintptr_t)*(const int16_t *)at, 0};
    case RESULT_WORDS: return (struct tfd_return_words){word[0], word[1]};
    case RESULT_32_AT_4: return (struct tfd_return_words){(uintptr_t)*(const int32_t *)(at + 4), 0};
    case RESULT_32_AT_8: return (struct tfd_return_words){(uintptr_t)*(const int32_t *)(at + 8), 0};
    case RESULT_WORD_AT_8: return (struct tfd_return_words){word[1], 0};
    case RESULT_32:
    case RESULT_MEMORY: /* see tfd_plan_return() */
    case RESULT_NO_WORD: break;
    }
    return (struct tfd_return_words){0, 0};
}
