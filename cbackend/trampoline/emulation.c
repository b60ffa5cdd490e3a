/* SPDX-License-Identifier: MIT */
/*
 * The backend "context": a slot of the pool whose entry goes through a list of steps, see steps.h.
 * Steps and stack data are on a page of their own, which can only be read once it is filled; its
 * address is taken from the record, which the provider protects.
 */
#include "backend.h"
#include "context.h"

#include "base/difference.h"
#include "base/fatal.h"
#include "base/trail.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static struct tfd_stack stack_of(const struct trampfd_context *context)
{
    struct tfd_stack stack = {
        .flags = context->stack_flags,
        .offset = context->stack_offset,
        .size = context->stack_size,
    };

    memcpy(stack.data, context->stack_data, context->stack_size);
    return stack;
}

/* Makes the steps of a context; returns their number. */
static unsigned compile(const struct trampfd_context *context, const struct tfd_stack *stack,
                        struct tfd_step *steps)
{
    const uint64_t *chain = NULL;
    unsigned count = 0;

    if (context->stack_size)
        steps[count++] = (struct tfd_step){tfd_step_stack, (uintptr_t)stack};
    for (unsigned i = 0; i < context->nregs; i++) {
        const struct tfd_register *reg = tfd_register_of_name(context->regs[i].name);

        if (reg->load)
            steps[count++] = (struct tfd_step){reg->load, context->regs[i].value};
        else
            chain = &context->regs[i].value;
    }
    steps[count++] =
        (struct tfd_step){tfd_port_last_step(context, chain != NULL), (uintptr_t)context->pc};
    if (chain)
        steps[count++] = (struct tfd_step){NULL, *chain};
    return count;
}

static int make_steps(const struct trampfd_context *context, const struct tfd_steps **result,
                      struct trampfd_trail *trail)
{
    struct tfd_steps *steps =
        mmap(NULL, sizeof(*steps), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int error;

    if (steps == MAP_FAILED)
        return tfd_trail_add(trail, "context", "mmap of its steps", errno);
    steps->stack = stack_of(context);
    compile(context, &steps->stack, steps->step);
    if (mprotect(steps, sizeof(*steps), PROT_READ)) {
        error = errno;
        munmap(steps, sizeof(*steps));
        return tfd_trail_add(trail, "context", "mprotect of its steps", error);
    }
    *result = steps;
    return 0;
}

static void give_steps(const struct tfd_steps *steps)
{
    munmap((void *)(uintptr_t)steps, sizeof(*steps));
}

static int make(struct trampfd_trampoline *trampoline, const struct trampfd_allowed *allowed,
                struct trampfd_trail *trail)
{
    union tfd_record record = {.context = {.entry = tfd_port_context}};
    const struct tfd_steps *steps = NULL;
    struct tfd_slot slot;
    int error;

    (void)allowed; /* the context cannot be changed later */
    if (!tfd_port_context)
        return tfd_trail_add(trail, "context", "entries for contexts on this CPU", ENOSYS);
    error = make_steps(&trampoline->wanted, &steps, trail);
    if (error)
        return error;
    record.context.steps = steps->step;
    slot = tfd_pool_make(TFD_STATE_CONTEXT, &record, trail);
    if (!slot.block) {
        give_steps(steps);
        return tfd_slot_error(slot);
    }
    trampoline->emulation.slot = slot;
    trampoline->emulation.steps = steps;
    trampoline->address = tfd_slot_code(slot);
    return 0;
}

/* A store to the trampoline could make this unmap anything; the record is harder to change. */
static int is_of_record(struct tfd_slot slot, const struct tfd_steps *steps)
{
    union tfd_record record;

    return tfd_slot_load(slot, &record) || record.context.steps == steps->step;
}

static void unmake(struct trampfd_trampoline *trampoline)
{
    struct tfd_slot slot = trampoline->emulation.slot;
    const struct tfd_steps *steps = trampoline->emulation.steps;

    if (!is_of_record(slot, steps) || tfd_pool_give(slot, "trampoline", TFD_HOLDS_NOTHING))
        tfd_fatal("the record of a trampoline was overwritten, or its provider refused to free it",
                  trampoline->address);
    give_steps(steps);
}

static void read_stack(const struct trampfd_trampoline *trampoline, struct trampfd_context *found,
                       struct trampfd_report *report)
{
    const struct tfd_stack *stack = &trampoline->emulation.steps->stack;

    found->stack_flags = stack->flags;
    found->stack_offset = stack->offset;
    memcpy(found->stack_data, stack->data, sizeof(found->stack_data));
    if (stack->size <= TRAMPFD_MAX_DATA_SIZE)
        found->stack_size = stack->size;
    else
        tfd_compare_number(report, "stack size", 0, found->stack_size, stack->size);
}

/* `wanted` is the step that belongs there, so it determines the meaning of the value. */
static void read_step(const struct tfd_step *wanted, const struct tfd_step *step,
                      struct trampfd_context *found, const struct trampfd_context *context)
{
    if (wanted->apply == tfd_port_last_step(context, 0)
        || wanted->apply == tfd_port_last_step(context, 1)) {
        found->pc = (void *)(uintptr_t)step->value;
        return;
    }
    for (unsigned i = 0; i < tfd_port_register_count; i++)
        if (tfd_port_registers[i].load == wanted->apply)
            tfd_context_set(found, tfd_port_registers[i].name, step->value);
}

static void read_steps(const struct trampfd_trampoline *trampoline, struct trampfd_context *found,
                       struct trampfd_report *report)
{
    const struct trampfd_context *context = &trampoline->wanted;
    const struct tfd_step *steps = trampoline->emulation.steps->step;
    struct tfd_step wanted[TFD_STEPS_MAX];
    unsigned count = compile(context, &trampoline->emulation.steps->stack, wanted);

    for (unsigned i = 0; i < count; i++) {
        if (tfd_compare_number(report, "step", i, (uintptr_t)wanted[i].apply,
                               (uintptr_t)steps[i].apply))
            continue;
        if (wanted[i].apply != tfd_step_stack)
            read_step(&wanted[i], &steps[i], found, context);
        else if (!tfd_compare_number(report, "stack", 0, wanted[i].value, steps[i].value))
            read_stack(trampoline, found, report);
    }
}

static int is_intact(const struct trampfd_trampoline *trampoline, const union tfd_record *record,
                     struct trampfd_report *report)
{
    struct tfd_slot slot = trampoline->emulation.slot;

    tfd_compare_code(report, tfd_slot_intact(slot));
    tfd_compare_number(report, "entry", 0, (uintptr_t)tfd_port_context,
                       (uintptr_t)record->context.entry);
    tfd_compare_number(report, "steps", 0, (uintptr_t)trampoline->emulation.steps->step,
                       (uintptr_t)record->context.steps);
    return !report->count;
}

/* Addresses that may have been overwritten are compared before they are followed. */
static int read_back(const struct trampfd_trampoline *trampoline, struct trampfd_context *found,
                     struct trampfd_report *report)
{
    struct tfd_slot slot = trampoline->emulation.slot;
    union tfd_record record;
    int error = tfd_slot_load(slot, &record);

    if (error)
        return error;
    report->provider = tfd_slot_provider_name(slot);
    report->record = tfd_slot_in_memory(slot, &record);
    *found = trampoline->wanted;
    if (is_intact(trampoline, &record, report))
        read_steps(trampoline, found, report);
    return 0;
}

static int present(void)
{
    return 1;
}

const struct tfd_context_backend tfd_context_emulation = {
    .name = "context",
    .present = present,
    .make = make,
    .unmake = unmake,
    .read = read_back,
};
