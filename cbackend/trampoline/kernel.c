/* SPDX-License-Identifier: MIT */
/*
 * The backend "trampfd-user": one descriptor of type TRAMPFD_USER and one mapping of it for each
 * trampoline.  Contexts are set by ioctl, and read at the positions defined by the proposal.
 */
#define _GNU_SOURCE
#include "backend.h"
#include "context.h"

#include "base/trail.h"
#include "provider/user_context.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static int refuse(struct trampfd_trail *trail, const char *call, int error)
{
    return tfd_trail_add(trail, tfd_context_kernel.name, call, error);
}

/* Also locks the list: no PC that is not in it can be set later. */
static int set_allowed(const struct tfd_descriptor *descriptor,
                       const struct trampfd_allowed *allowed)
{
    uint64_t list[TRAMPFD_MAX_PCS];

    for (unsigned i = 0; i < allowed->npcs; i++)
        list[i] = (uintptr_t)allowed->pcs[i];
    return tfd_descriptor_allow(descriptor, list, allowed->npcs);
}

static int set_registers(const struct tfd_descriptor *descriptor,
                         const struct trampfd_context *context)
{
    union tfd_user_registers registers = {.context = {.nregs = context->nregs + 1}};
    struct trampfd_reg *regs = registers.context.regs;

    for (unsigned i = 0; i < context->nregs; i++)
        regs[i] = (struct trampfd_reg){
            .name = tfd_register_of_name(context->regs[i].name)->number,
            .value = context->regs[i].value,
        };
    regs[context->nregs] =
        (struct trampfd_reg){.name = tfd_port_pc, .value = (uintptr_t)context->pc};
    return tfd_user_set_registers(descriptor, &registers);
}

static int set_stack(const struct tfd_descriptor *descriptor, const struct trampfd_context *context)
{
    union tfd_user_stack stack = {
        .context =
            {
                .flags = context->stack_flags,
                .offset = context->stack_offset,
                .size = context->stack_size,
            },
    };

    memcpy(stack.context.data, context->stack_data, context->stack_size);
    return tfd_user_set_stack(descriptor, &stack);
}

static int set_contexts(const struct tfd_descriptor *descriptor,
                        const struct trampfd_context *context,
                        const struct trampfd_allowed *allowed, struct trampfd_trail *trail)
{
    int error = allowed ? set_allowed(descriptor, allowed) : 0;

    if (error)
        return refuse(trail, "set and lock allowed PCs", -error);
    error = set_registers(descriptor, context);
    if (error)
        return refuse(trail, "set registers", -error);
    error = context->stack_size ? set_stack(descriptor, context) : 0;
    return error ? refuse(trail, "set stack data", -error) : 0;
}

static int map(struct trampfd_trampoline *trampoline, int fd, struct trampfd_trail *trail)
{
    struct trampfd_map map = {0};
    void *start;

    if (pread(fd, &map, sizeof(map), TRAMPFD_MAP_OFFSET) < 0)
        return refuse(trail, "read map parameters", errno);
    start = mmap(NULL, map.size, (int)map.prot, (int)map.flags, fd, (off_t)map.offset);
    if (start == MAP_FAILED)
        return refuse(trail, "mmap", errno);
    trampoline->kernel.start = start;
    trampoline->kernel.size = map.size;
    trampoline->address = (char *)start + map.ioffset;
    return 0;
}

static int make(struct trampfd_trampoline *trampoline, const struct trampfd_allowed *allowed,
                struct trampfd_trail *trail)
{
    struct tfd_descriptor *descriptor = &trampoline->kernel.descriptor;
    int error = tfd_device_create(descriptor, TRAMPFD_USER, 0, tfd_context_kernel.name, trail);

    if (error)
        return error;
    error = set_contexts(descriptor, &trampoline->wanted, allowed, trail);
    if (!error)
        error = map(trampoline, descriptor->fd, trail);
    if (error)
        tfd_descriptor_close(descriptor);
    trampoline->kernel.owner = getpid();
    return error;
}

static int is_mapped_here(const struct trampfd_trampoline *trampoline)
{
    return trampoline->kernel.owner == getpid();
}

/* In the child of a fork, something else may be mapped at these addresses. */
static void unmake(struct trampfd_trampoline *trampoline)
{
    if (is_mapped_here(trampoline))
        munmap(trampoline->kernel.start, trampoline->kernel.size);
    tfd_descriptor_close(&trampoline->kernel.descriptor);
}

static int read_registers(const struct tfd_descriptor *descriptor, struct trampfd_context *found)
{
    union tfd_user_registers registers;
    int error = tfd_user_read_registers(descriptor, &registers);

    if (error)
        return error;
    for (unsigned i = 0; i < registers.context.nregs; i++) {
        const struct trampfd_reg *read = &registers.context.regs[i];
        const struct tfd_register *reg = tfd_register_of_number(read->name);

        if (reg)
            tfd_context_set(found, reg->name, read->value);
        else if (read->name == tfd_port_pc)
            found->pc = (void *)(uintptr_t)read->value;
        else
            return -EBADMSG;
    }
    return 0;
}

static int read_stack(const struct tfd_descriptor *descriptor, struct trampfd_context *found)
{
    union tfd_user_stack stack;
    int error = tfd_user_read_stack(descriptor, &stack);

    if (error)
        return error;
    found->stack_flags = stack.context.flags;
    found->stack_offset = stack.context.offset;
    found->stack_size = stack.context.size;
    memcpy(found->stack_data, stack.context.data, stack.context.size);
    return 0;
}

static int read_back(const struct trampfd_trampoline *trampoline, struct trampfd_context *found,
                     struct trampfd_report *report)
{
    int error;

    report->provider = tfd_context_kernel.name; /* which holds nothing but contexts */
    if (!is_mapped_here(trampoline))
        return -EXDEV;
    if (!tfd_descriptor_is_ours(&trampoline->kernel.descriptor))
        return -ESTALE;
    memset(found, 0, sizeof(*found));
    error = read_registers(&trampoline->kernel.descriptor, found);
    return error ? error : read_stack(&trampoline->kernel.descriptor, found);
}

const struct tfd_context_backend tfd_context_kernel = {
    .name = "trampfd-user",
    .present = tfd_device_present,
    .make = make,
    .unmake = unmake,
    .read = read_back,
};
