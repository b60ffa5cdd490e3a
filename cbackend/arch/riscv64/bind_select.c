/* SPDX-License-Identifier: MIT */
/* Which entry binds an argument on RISC-V, by where the plan says that arguments arrive. */
#include "bind_entries.h"
#include "frame.h"

#include "arch/port.h"
#include "closure/plan.h"
#include "slot/allowed.h"

_Static_assert(offsetof(union tfd_record, closure.user_data) == RECORD_USER_DATA, "user_data");
_Static_assert(BIND_LAST + WORD_REGISTERS == BIND_ENTRIES, "numbers of the entries");

extern const char tfd_bind_entries[];

static tfd_entry *entry_at(size_t index)
{
    return (tfd_entry *)(uintptr_t)(tfd_bind_entries + index * BIND_ENTRY_SIZE);
}

const struct tfd_entries tfd_entries_bind = {
    .first = (uintptr_t)tfd_bind_entries,
    .count = BIND_ENTRIES,
    .size = BIND_ENTRY_SIZE,
};

/* In the frame: values of more than two words come by reference. */
static int size_of(const ffi_type *type)
{
    return type->size > 2 * TFD_WORD ? TFD_WORD : (int)type->size;
}

/* The second word of a value may be on the stack while the first one is not. */
static int in_registers(const struct tfd_plan *plan, const ffi_cif *cif)
{
    for (unsigned i = 0; i < plan->count; i++)
        if (plan->offsets[i] + size_of(cif->arg_types[i]) > FRAME_STACK)
            return 0;
    return 1;
}

tfd_entry *tfd_port_bind_entry(const struct tfd_plan *plan, const ffi_cif *cif,
                               enum trampfd_position position)
{
    if (!in_registers(plan, cif))
        return NULL;
    if (position == TRAMPFD_FIRST)
        return entry_at(plan->is_in_memory ? BIND_FIRST_HIDDEN : BIND_FIRST);
    return entry_at(BIND_LAST + (size_t)(plan->offsets[plan->count - 1] - FRAME_WORDS) / TFD_WORD);
}

/* Is it a structure of nothing but a float? */
static int wraps_float(const ffi_type *type)
{
    if (type->type != FFI_TYPE_STRUCT)
        return 0;
    while (type->type == FFI_TYPE_STRUCT && !type->elements[1])
        type = type->elements[0];
    return type->type == FFI_TYPE_FLOAT || type->type == FFI_TYPE_DOUBLE;
}

/*
 * ffi_call() and closures of libffi take a structure of one float to be in a register for floats
 * when all of them are taken: they use what lies behind, which is the first integer register.
 */
int tfd_port_libffi_miscalls(const struct tfd_plan *plan, const ffi_cif *cif)
{
    for (unsigned i = 0; i < plan->count; i++)
        if (wraps_float(cif->arg_types[i]) && plan->offsets[i] >= FRAME_WORDS)
            return 1;
    return 0;
}
