/* SPDX-License-Identifier: MIT */
/*
 * Plans for AAPCS64, the "Procedure Call Standard for the Arm 64-bit Architecture": which register
 * or stack word each argument arrives in, by the rules of its sections "Parameter passing" (their
 * numbers stand below) and "Result return", for types as libffi describes them.
 *
 * What stays with libffi: other ABIs, empty structures, some that are aligned in a way of their
 * own, complex integers, types this file does not know (vectors), and alignment beyond that of the
 * stack.
 */
#include "frame.h"

#include "arch/port.h"
#include "base/ffi_type.h"
#include "closure/plan.h"
#include "slot/allowed.h"

/* What to do after the handler has stored the result. */
enum result {
    RESULT_32 = TFD_RESULT_32,
    RESULT_MEMORY = TFD_RESULT_ADDRESS, /* through the pointer in x8 */
    RESULT_VOID = TFD_RESULT_OF_PORT,
    RESULT_U8,
    RESULT_S8,
    RESULT_U16,
    RESULT_S16,
    RESULT_WORDS,  /* one or two words for x0 and x1 */
    RESULT_VECTOR, /* by the tail */
};

_Static_assert(offsetof(union tfd_record, tail.entry) == RECORD_TAIL, "tail");
_Static_assert(TFD_PORT_RESULT_32 == FRAME_RESULT, "results");
_Static_assert(TFD_PORT_RESULT_ADDRESS == FRAME_RESULT_ADDRESS, "results in memory");
_Static_assert(FRAME_SIZE % 16 == 0 && FRAME_VECTORS % 16 == 0, "long doubles are aligned");

#define WORD 8
#define STACK_ALIGNMENT 16
#define HOMOGENEOUS_MAX 4
#define IN_REGISTERS_MAX (2 * WORD)

/*
 * How a value is passed: as one to four floats of `unit` bytes, each in a vector register, or, if
 * `unit` is 0, in as many words as its size needs, or by reference.
 */
struct shape {
    unsigned unit, floats;
};

/* What the scalars of a type are; `unit` is that of the first float. */
struct scalars {
    unsigned unit, floats;
    int is_mixed; /* not all are floats of that unit */
};

static void add_floats(struct scalars *scalars, size_t unit, unsigned count)
{
    scalars->is_mixed |= scalars->floats && scalars->unit != unit;
    scalars->unit = (unsigned)unit;
    scalars->floats += count;
}

/* Returns 0 for a type that only libffi can pass. */
static int collect(const ffi_type *type, struct scalars *scalars)
{
    if (tfd_is_integer_or_pointer(type)) {
        scalars->is_mixed = 1;
        return 1;
    }
    switch (type->type) {
    case FFI_TYPE_FLOAT:
    case FFI_TYPE_DOUBLE:
    case FFI_TYPE_LONGDOUBLE: add_floats(scalars, type->size, 1); return 1;
    case FFI_TYPE_COMPLEX:
        add_floats(scalars, type->size / 2, 2);
        return !tfd_is_integer_or_pointer(type->elements[0]);
    case FFI_TYPE_STRUCT:
        for (ffi_type **element = type->elements; *element; element++)
            if (!(*element)->size || !collect(*element, scalars))
                return 0;
        return scalars->is_mixed || scalars->floats;
    default: return 0;
    }
}

/*
 * Homogeneous aggregates are known by their scalars, others by their size.  libffi and compilers
 * differ where padding makes an aggregate of floats larger, or it is aligned in a way of its own;
 * and where two words are aligned as one value, for which compilers skip an odd register.
 */
static int examine(const ffi_type *type, struct shape *shape)
{
    struct scalars scalars = {0};

    *shape = (struct shape){0};
    if (type->alignment > STACK_ALIGNMENT || !collect(type, &scalars))
        return 0;
    if (!scalars.is_mixed && scalars.floats * scalars.unit != type->size)
        return 0;
    if (!scalars.is_mixed && scalars.floats <= HOMOGENEOUS_MAX) {
        *shape = (struct shape){scalars.unit, scalars.floats};
        return type->alignment == scalars.unit;
    }
    return type->size > IN_REGISTERS_MAX || type->alignment <= WORD;
}

extern const char tfd_plan_entries[];
tfd_entry tfd_plan_tail_words, tfd_plan_tail_singles, tfd_plan_tail_doubles, tfd_plan_tail_quads;

/* They read the record until the dispatch is called, and store below the stack pointer before. */
const struct tfd_entries tfd_entries_plan = {
    .first = (uintptr_t)tfd_plan_entries,
    .count = PLAN_ENTRIES,
    .size = PLAN_ENTRY_SIZE,
};

static void set_result(struct tfd_plan *plan, enum result result, tfd_entry *tail)
{
    plan->result = result;
    plan->result_offset = result == RESULT_MEMORY ? FRAME_RESULT_ADDRESS : FRAME_RESULT;
    plan->is_in_memory = result == RESULT_MEMORY;
    plan->tail = tail;
}

static tfd_entry *tail_for(unsigned unit)
{
    return unit == sizeof(float)    ? tfd_plan_tail_singles
           : unit == sizeof(double) ? tfd_plan_tail_doubles
                                    : tfd_plan_tail_quads;
}

static int plan_result(struct tfd_plan *plan, const ffi_type *type)
{
    static const enum result words[] = {
        [FFI_TYPE_VOID] = RESULT_VOID,     [FFI_TYPE_INT] = RESULT_32,
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
    if (shape.unit)
        set_result(plan, RESULT_VECTOR, tail_for(shape.unit));
    else if (type->size > IN_REGISTERS_MAX)
        set_result(plan, RESULT_MEMORY, tfd_plan_tail_words);
    else
        set_result(plan, RESULT_WORDS, tfd_plan_tail_words);
    return 1;
}

/* Registers taken so far (NGRN and NSRN), and the offset of the next stack argument (NSAA). */
struct position {
    unsigned words, vectors;
    int has_quads; /* which the entry has to spill as a whole */
    int stack;
};

/* C.3, C.4, C.14 and C.16 */
static int place_on_stack(struct position *at, size_t size, size_t alignment)
{
    int offset;

    alignment = alignment < WORD ? WORD : alignment;
    offset = (at->stack + (int)alignment - 1) / (int)alignment * (int)alignment;
    at->stack = offset + (int)(size + WORD - 1) / WORD * WORD;
    return FRAME_STACK + offset;
}

/* C.9, C.12 and C.13: all in registers, or all on the stack and no more in registers. */
static int place_words(struct position *at, size_t size, size_t alignment)
{
    unsigned count = (unsigned)(size + WORD - 1) / WORD;
    int offset = FRAME_WORDS + (int)at->words * WORD;

    if (at->words + count > WORD_REGISTERS) {
        at->words = WORD_REGISTERS;
        return place_on_stack(at, size, alignment);
    }
    at->words += count;
    return offset;
}

/* C.1 to C.3.  Floats that arrive in several registers are gathered where they are apart. */
static int place_floats(struct tfd_plan *plan, unsigned index, const ffi_type *type,
                        const struct shape *shape, struct position *at)
{
    int offset = shape->unit > sizeof(double) ? FRAME_WHOLE_VECTORS + (int)at->vectors * 16
                                              : FRAME_VECTORS + (int)at->vectors * WORD;
    struct tfd_gather *gather = &plan->gathers[plan->gather_count];

    if (at->vectors + shape->floats > VECTOR_REGISTERS) {
        at->vectors = VECTOR_REGISTERS;
        return place_on_stack(at, type->size, type->alignment);
    }
    at->vectors += shape->floats;
    if (shape->floats > 1 && shape->unit < sizeof(double)) {
        *gather = (struct tfd_gather){index, shape->floats, shape->unit, {0}};
        for (unsigned i = 0; i < shape->floats; i++)
            gather->from[i] = offset + (int)i * WORD;
        plan->gather_count++;
    }
    return offset;
}

/* B.4: larger aggregates are replaced by their address. */
static int place_reference(struct tfd_plan *plan, unsigned index, struct position *at)
{
    int offset = place_words(at, WORD, WORD);

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
    at->has_quads |= shape.unit > sizeof(double);
    if (shape.unit)
        plan->offsets[index] = place_floats(plan, index, type, &shape, at);
    else if (type->size > IN_REGISTERS_MAX)
        plan->offsets[index] = place_reference(plan, index, at);
    else
        plan->offsets[index] = place_words(at, type->size, type->alignment);
    return 1;
}

static tfd_entry *entry_for(const struct position *at)
{
    size_t index =
        at->has_quads ? PLAN_ENTRY_WHOLE : (at->words + 1) / 2 * PLAN_PAIRS + (at->vectors + 1) / 2;

    return (tfd_entry *)(uintptr_t)(tfd_plan_entries + index * PLAN_ENTRY_SIZE);
}

int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif)
{
    struct position at = {0};

    if (cif->abi != FFI_SYSV || !plan_result(plan, cif->rtype))
        return 0;
    for (unsigned i = 0; i < plan->count; i++)
        if (!place(plan, i, cif->arg_types[i], &at))
            return 0;
    plan->entry = entry_for(&at);
    return 1;
}

struct tfd_return_words tfd_port_finish(unsigned kind, char *frame)
{
    const char *words = frame + FRAME_RESULT;
    const uintptr_t *word = (const uintptr_t *)words;

    switch ((enum result)kind) {
    case RESULT_U8: return (struct tfd_return_words){*(const uint8_t *)words, 0};
    case RESULT_S8: return (struct tfd_return_words){(uintptr_t)*(const int8_t *)words, 0};
    case RESULT_U16: return (struct tfd_return_words){*(const uint16_t *)words, 0};
    case RESULT_S16: return (struct tfd_return_words){(uintptr_t)*(const int16_t *)words, 0};
    case RESULT_WORDS: return (struct tfd_return_words){word[0], word[1]};
    case RESULT_32:
    case RESULT_MEMORY: /* see tfd_plan_return() */
    case RESULT_VOID:
    case RESULT_VECTOR: break;
    }
    return (struct tfd_return_words){0, 0};
}
