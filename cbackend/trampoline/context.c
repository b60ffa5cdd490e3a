/* SPDX-License-Identifier: MIT */
#include "context.h"

#include "base/difference.h"
#include "base/trail.h"

#include <errno.h>
#include <string.h>

const struct tfd_register *tfd_register_of_name(const char *name)
{
    for (unsigned i = 0; name && i < tfd_port_register_count; i++)
        if (!strcmp(tfd_port_registers[i].name, name))
            return &tfd_port_registers[i];
    return NULL;
}

const struct tfd_register *tfd_register_of_number(uint32_t number)
{
    for (unsigned i = 0; i < tfd_port_register_count; i++)
        if (tfd_port_registers[i].number == number)
            return &tfd_port_registers[i];
    return NULL;
}

const char *trampfd_register_name(unsigned index)
{
    return index < tfd_port_register_count ? tfd_port_registers[index].name : NULL;
}

const uint64_t *tfd_context_find(const struct trampfd_context *context, const char *name)
{
    for (unsigned i = 0; i < context->nregs; i++)
        if (!strcmp(context->regs[i].name, name))
            return &context->regs[i].value;
    return NULL;
}

void tfd_context_set(struct trampfd_context *context, const char *name, uint64_t value)
{
    uint64_t *place = (uint64_t *)tfd_context_find(context, name);

    if (place)
        *place = value;
    else
        context->regs[context->nregs++] = (struct trampfd_register){.name = name, .value = value};
}

static int refuse(struct trampfd_trail *trail, const char *rule, int error)
{
    return tfd_trail_add(trail, "context", rule, error);
}

static int copy_registers(struct trampfd_context *copy, const struct trampfd_context *context,
                          struct trampfd_trail *trail)
{
    if (!context->pc)
        return refuse(trail, "pc must not be 0", EINVAL);
    copy->pc = context->pc;
    if (context->nregs > TRAMPFD_MAX_REGS)
        return refuse(trail, "too many registers", EINVAL);
    for (unsigned i = 0; i < context->nregs; i++) {
        const struct tfd_register *reg = tfd_register_of_name(context->regs[i].name);

        if (!reg)
            return refuse(trail, "unknown register name", EINVAL);
        if (tfd_context_find(copy, reg->name))
            return refuse(trail, "register named twice", EINVAL);
        tfd_context_set(copy, reg->name, context->regs[i].value);
    }
    return 0;
}

static int copy_stack(struct trampfd_context *copy, const struct trampfd_context *context,
                      struct trampfd_trail *trail)
{
    if (context->stack_size > TRAMPFD_MAX_DATA_SIZE)
        return refuse(trail, "stack data too large", EINVAL);
    if (context->stack_flags & ~TRAMPFD_SET_SP)
        return refuse(trail, "unknown stack flags", EINVAL);
    if (context->stack_offset > TRAMPFD_MAX_STACK_OFFSET)
        return refuse(trail, "stack offset too large", EINVAL);
    if (!context->stack_size)
        return 0;
    copy->stack_flags = context->stack_flags;
    copy->stack_offset = context->stack_offset;
    copy->stack_size = context->stack_size;
    memcpy(copy->stack_data, context->stack_data, context->stack_size);
    return 0;
}

static int check_allowed(const void *pc, const struct trampfd_allowed *allowed,
                         struct trampfd_trail *trail)
{
    int found = 0;

    if (!allowed || !allowed->npcs)
        return 0;
    if (allowed->npcs > TRAMPFD_MAX_PCS)
        return refuse(trail, "too many allowed PCs", EINVAL);
    for (unsigned i = 0; i < allowed->npcs; i++) {
        if (!allowed->pcs[i])
            return refuse(trail, "allowed PCs must not be 0", EINVAL);
        found |= allowed->pcs[i] == pc;
    }
    return found ? 0 : refuse(trail, "pc is not in the allowed list", EPERM);
}

int tfd_context_copy(struct trampfd_context *copy, const struct trampfd_context *context,
                     const struct trampfd_allowed *allowed, struct trampfd_trail *trail)
{
    int error;

    memset(copy, 0, sizeof(*copy));
    error = copy_registers(copy, context, trail);
    if (!error)
        error = copy_stack(copy, context, trail);
    return error ? error : check_allowed(copy->pc, allowed, trail);
}

static void compare_register(const char *name, const uint64_t *wanted, const uint64_t *found,
                             struct trampfd_report *report)
{
    if (wanted && found)
        tfd_compare_number(report, name, 0, *wanted, *found);
    else if (wanted || found)
        tfd_difference_add(report, (struct trampfd_difference){
                                       .what = name,
                                       .change = wanted ? TRAMPFD_MISSING : TRAMPFD_ADDED,
                                       .wanted = wanted ? *wanted : 0,
                                       .found = found ? *found : 0,
                                   });
}

static void compare_stacks(const struct trampfd_context *wanted,
                           const struct trampfd_context *found, struct trampfd_report *report)
{
    tfd_compare_number(report, "stack flags", 0, wanted->stack_flags, found->stack_flags);
    tfd_compare_number(report, "stack offset", 0, wanted->stack_offset, found->stack_offset);
    tfd_compare_number(report, "stack size", 0, wanted->stack_size, found->stack_size);
    for (unsigned i = 0; i < wanted->stack_size && i < found->stack_size; i++)
        tfd_compare_number(report, "stack data", i, wanted->stack_data[i], found->stack_data[i]);
}

void tfd_context_compare(const struct trampfd_context *wanted, const struct trampfd_context *found,
                         struct trampfd_report *report)
{
    tfd_compare_number(report, "pc", 0, (uintptr_t)wanted->pc, (uintptr_t)found->pc);
    for (unsigned i = 0; i < tfd_port_register_count; i++) {
        const char *name = tfd_port_registers[i].name;

        compare_register(name, tfd_context_find(wanted, name), tfd_context_find(found, name),
                         report);
    }
    compare_stacks(wanted, found, report);
}
