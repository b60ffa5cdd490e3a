/* SPDX-License-Identifier: MIT */
/*
 * Plans for x86-64 System V: which register or stack word each argument arrives in, by the
 * classes of the ABI document ("Parameter Passing"), for types as libffi describes them.
 *
 * What stays with libffi: other ABIs, empty structures, structures that return an x87 value
 * in a register, complex integers, types this file does not know (vectors), and alignment
 * beyond that of the stack.
 */
#include "frame.h"

#include "arch/port.h"
#include "base/ffi_type.h"
#include "closure/plan.h"
#include "slot/allowed.h"

#include <string.h>

/* What to do after the handler has stored the result. */
enum result {
    RESULT_32 = TFD_RESULT_32,
    RESULT_MEMORY = TFD_RESULT_ADDRESS, /* through the pointer that the caller passed first */
    RESULT_VOID = TFD_RESULT_OF_PORT,
    RESULT_U8,
    RESULT_S8,
    RESULT_U16,
    RESULT_S16,
    RESULT_WORDS,  /* one or two words for the integer registers */
    RESULT_VECTOR, /* one or two words for the vector registers; also x87, by the tail */
    RESULT_WORD_VECTOR,
    RESULT_VECTOR_WORD,
};

enum class { NONE, WORD, VECTOR, X87, MEMORY };

/* The classes of the two words of a value of at most 16 bytes; or MEMORY in the first. */
struct classes {
    enum class word[2];
};

_Static_assert(offsetof(union tfd_record, tail.entry) == RECORD_TAIL, "tail");
_Static_assert(offsetof(union tfd_record, closure.cif) == RECORD_CIF, "cif");
_Static_assert(offsetof(union tfd_record, closure.fun) == RECORD_FUN, "fun");
_Static_assert(TFD_PORT_RESULT_32 == FRAME_RESULT, "results");
_Static_assert(FRAME_SIZE % 16 == 8, "the frame aligns the stack");

static enum class merge(enum class one, enum class other)
{
    if (one == other || other == NONE)
        return one;
    if (one == NONE)
        return other;
    if (one == MEMORY || other == MEMORY)
        return MEMORY;
    if (one == WORD || other == WORD)
        return WORD;
    if (one == X87 || other == X87)
        return MEMORY;
    return VECTOR;
}

/*
 * Merge a scalar of class `class` that covers bytes offset .. offset + size - 1.  Returns 0 for
 * one that is not aligned: compilers pass its structure in memory, libffi in registers.
 */
static int cover(struct classes *classes, enum class class, size_t offset, size_t size,
                 size_t alignment)
{
    for (size_t word = offset / 8; word <= (offset + size - 1) / 8 && word < 2; word++)
        classes->word[word] = merge(classes->word[word], class);
    return offset % alignment == 0;
}

/* Returns 0 for a type that only libffi can pass. */
static int classify(const ffi_type *type, struct classes *classes, size_t offset)
{
    size_t end = offset + type->size;

    if (tfd_is_integer_or_pointer(type))
        return cover(classes, WORD, offset, type->size, type->size);
    switch (type->type) {
    case FFI_TYPE_FLOAT:
    case FFI_TYPE_DOUBLE: return cover(classes, VECTOR, offset, type->size, type->size);
    case FFI_TYPE_LONGDOUBLE: return cover(classes, X87, offset, type->size, type->size);
    case FFI_TYPE_COMPLEX:
        switch (type->elements[0]->type) {
        case FFI_TYPE_FLOAT:
        case FFI_TYPE_DOUBLE:
            return cover(classes, VECTOR, offset, type->size, type->elements[0]->size);
        case FFI_TYPE_LONGDOUBLE: classes->word[0] = MEMORY; return 1;
        }
        return 0;
    case FFI_TYPE_STRUCT:
        if (type->size == 0 || type->alignment > 16)
            return 0;
        if (type->size > 16) {
            classes->word[0] = MEMORY;
            return 1;
        }
        for (ffi_type **element = type->elements; *element; element++) {
            size_t alignment = (*element)->alignment;

            if (!alignment)
                return 0;
            offset = (offset + alignment - 1) / alignment * alignment;
            if (offset + (*element)->size > end || !classify(*element, classes, offset))
                return 0;
            offset += (*element)->size;
        }
        return 1;
    default: return 0;
    }
}

/* How many registers of each kind a value needs; 0 for a type that only libffi can pass. */
struct need {
    unsigned words, vectors;
    int in_memory; /* as an argument */
    int x87;
};

static int examine(const ffi_type *type, struct classes *classes, struct need *need)
{
    memset(classes, 0, sizeof(*classes));
    memset(need, 0, sizeof(*need));
    if (!classify(type, classes, 0))
        return 0;
    for (int i = 0; i < 2; i++) {
        need->words += classes->word[i] == WORD;
        need->vectors += classes->word[i] == VECTOR;
        need->in_memory |= classes->word[i] == MEMORY;
        need->x87 |= classes->word[i] == X87;
    }
    /* A word of nothing but padding: libffi and compilers count registers differently. */
    if (!need->in_memory
        && (classes->word[0] == NONE || (type->size > 8 && classes->word[1] == NONE)))
        return 0;
    need->in_memory |= need->x87;
    return 1;
}

extern const char tfd_plan_entries[];
tfd_entry tfd_plan_tail_words, tfd_plan_tail_vectors, tfd_plan_tail_x87, tfd_plan_tail_x87_pair;

static tfd_entry *entry_at(size_t index)
{
    return (tfd_entry *)(uintptr_t)(tfd_plan_entries + index * PLAN_ENTRY_SIZE);
}

static tfd_entry *entry_for(unsigned words, unsigned vectors)
{
    return entry_at(words * (VECTOR_REGISTERS + 1) + vectors);
}

/* Of a signature without arguments. */
static tfd_entry *direct_entry_for(enum result result)
{
    switch (result) {
    case RESULT_VOID: return entry_at(PLAN_DIRECT_VOID);
    case RESULT_32: return entry_at(PLAN_DIRECT_32);
    case RESULT_WORDS: return entry_at(PLAN_DIRECT_WORDS);
    default: return NULL;
    }
}

/*
 * They keep a record that lies below the stack pointer in their frame, or need it no more when they
 * call anything.
 */
const struct tfd_entries tfd_entries_plan = {
    .first = (uintptr_t)tfd_plan_entries,
    .count = PLAN_ENTRIES,
    .size = PLAN_ENTRY_SIZE,
    .below_stack = 1,
};

/* The inverse of entry_for(). */
unsigned tfd_plan_word_registers(const struct tfd_plan *plan)
{
    size_t offset = (uintptr_t)plan->entry - (uintptr_t)tfd_plan_entries;

    return (unsigned)(offset / PLAN_ENTRY_SIZE / (VECTOR_REGISTERS + 1));
}

static void set_result(struct tfd_plan *plan, enum result result, int offset, tfd_entry *tail)
{
    plan->result = result;
    plan->result_offset = offset;
    plan->is_in_memory = result == RESULT_MEMORY;
    plan->tail = tail;
}

static int plan_structure_result(struct tfd_plan *plan, const ffi_type *type)
{
    struct classes classes;
    struct need need;

    if (!examine(type, &classes, &need))
        return 0;
    if (need.in_memory && !need.x87) {
        set_result(plan, RESULT_MEMORY, 0, tfd_plan_tail_words);
        return 1;
    }
    if (need.x87)
        return 0;
    if (!need.vectors)
        set_result(plan, RESULT_WORDS, FRAME_RESULT, tfd_plan_tail_words);
    else if (!need.words)
        set_result(plan, RESULT_VECTOR, FRAME_VECTOR_RESULT, tfd_plan_tail_vectors);
    else if (classes.word[0] == WORD)
        set_result(plan, RESULT_WORD_VECTOR, FRAME_RESULT, tfd_plan_tail_vectors);
    else
        set_result(plan, RESULT_VECTOR_WORD, FRAME_VECTOR_RESULT, tfd_plan_tail_vectors);
    return 1;
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

    if (type->type == FFI_TYPE_VOID || tfd_is_integer_or_pointer(type)) {
        set_result(plan, words[type->type], FRAME_RESULT, tfd_plan_tail_words);
        return 1;
    }
    switch (type->type) {
    case FFI_TYPE_FLOAT:
    case FFI_TYPE_DOUBLE:
        set_result(plan, RESULT_VECTOR, FRAME_VECTOR_RESULT, tfd_plan_tail_vectors);
        return 1;
    case FFI_TYPE_LONGDOUBLE:
        set_result(plan, RESULT_VECTOR, FRAME_RESULT, tfd_plan_tail_x87);
        return 1;
    case FFI_TYPE_COMPLEX:
        if (type->elements[0]->type == FFI_TYPE_LONGDOUBLE)
            set_result(plan, RESULT_VECTOR, FRAME_RESULT, tfd_plan_tail_x87_pair);
        else if (type->elements[0]->type == FFI_TYPE_FLOAT
                 || type->elements[0]->type == FFI_TYPE_DOUBLE)
            set_result(plan, RESULT_VECTOR, FRAME_VECTOR_RESULT, tfd_plan_tail_vectors);
        else
            return 0;
        return 1;
    case FFI_TYPE_STRUCT: return plan_structure_result(plan, type);
    default: return 0;
    }
}

/* Registers taken so far, and the offset of the next stack argument. */
struct position {
    unsigned words, vectors;
    int stack;
};

static int place(struct tfd_plan *plan, unsigned index, const ffi_type *type, struct position *at)
{
    int word_at = (int)at->words * 8;
    int vector_at = FRAME_VECTORS + (int)at->vectors * 8;
    struct classes classes;
    struct need need;

    if (type->alignment > 16 || !examine(type, &classes, &need))
        return 0;
    if (need.in_memory || at->words + need.words > WORD_REGISTERS
        || at->vectors + need.vectors > VECTOR_REGISTERS) {
        int alignment = type->alignment < 8 ? 8 : type->alignment;

        at->stack = (at->stack + alignment - 1) / alignment * alignment;
        plan->offsets[index] = FRAME_STACK + at->stack;
        at->stack += (int)type->size;
        return 1;
    }
    if (type->alignment > 8 && need.words + need.vectors < 2)
        return 0;
    /* Words that are apart in the frame, or are less aligned there than their type requires. */
    if ((need.words && need.vectors) || type->alignment > 8)
        plan->gathers[plan->gather_count++] = (struct tfd_gather){
            .argument = index,
            .count = 2,
            .size = 8,
            .from =
                {
                    classes.word[0] == WORD ? word_at : vector_at,
                    classes.word[1] == WORD ? word_at + 8 * (need.words - 1)
                                            : vector_at + 8 * (need.vectors - 1),
                },
        };
    plan->offsets[index] = need.words ? word_at : vector_at;
    at->words += need.words;
    at->vectors += need.vectors;
    return 1;
}

int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif)
{
    struct position at = {0};

    if (cif->abi != FFI_UNIX64 || !plan_result(plan, cif->rtype))
        return 0;
    at.words = plan->is_in_memory;
    for (unsigned i = 0; i < plan->count; i++)
        if (!place(plan, i, cif->arg_types[i], &at))
            return 0;
    plan->entry = entry_for(at.words, at.vectors);
    if (!plan->count)
        plan->direct = direct_entry_for((enum result)plan->result);
    return 1;
}

struct tfd_return_words tfd_port_finish(unsigned kind, char *frame)
{
    const char *words = frame + FRAME_RESULT;
    const uintptr_t *word = (const uintptr_t *)words;
    uintptr_t *vector = (uintptr_t *)(frame + FRAME_VECTOR_RESULT);

    switch ((enum result)kind) {
    case RESULT_U8: return (struct tfd_return_words){*(const uint8_t *)words, 0};
    case RESULT_S8: return (struct tfd_return_words){(uint32_t)(int32_t)*(const int8_t *)words, 0};
    case RESULT_U16: return (struct tfd_return_words){*(const uint16_t *)words, 0};
    case RESULT_S16:
        return (struct tfd_return_words){(uint32_t)(int32_t)*(const int16_t *)words, 0};
    case RESULT_WORDS: return (struct tfd_return_words){word[0], word[1]};
    case RESULT_WORD_VECTOR: vector[0] = word[1]; return (struct tfd_return_words){word[0], 0};
    case RESULT_VECTOR_WORD: return (struct tfd_return_words){vector[1], 0};
    case RESULT_32:
    case RESULT_MEMORY: /* see tfd_plan_return() */
    case RESULT_VOID:
    case RESULT_VECTOR: break;
    }
    return (struct tfd_return_words){0, 0};
}
