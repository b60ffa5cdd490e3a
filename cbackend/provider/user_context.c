/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "user_context.h"

#include <errno.h>
#include <unistd.h>

static size_t size_of_registers(const union tfd_user_registers *registers)
{
    return sizeof(registers->context)
           + registers->context.nregs * sizeof(registers->context.regs[0]);
}

static size_t size_of_stack(const union tfd_user_stack *stack)
{
    return sizeof(stack->context) + stack->context.size;
}

int tfd_user_set_registers(const struct tfd_descriptor *descriptor,
                           const union tfd_user_registers *registers)
{
    return tfd_descriptor_set(descriptor, TRAMPFD_IOC_SET_REGS, registers,
                              size_of_registers(registers));
}

int tfd_user_set_stack(const struct tfd_descriptor *descriptor, const union tfd_user_stack *stack)
{
    return tfd_descriptor_set(descriptor, TRAMPFD_IOC_SET_STACK, stack, size_of_stack(stack));
}

int tfd_user_read_registers(const struct tfd_descriptor *descriptor,
                            union tfd_user_registers *registers)
{
    ssize_t size = pread(descriptor->fd, registers, sizeof(*registers), TRAMPFD_REGS_OFFSET);

    if (size < 0)
        return -errno;
    return (size_t)size >= sizeof(registers->context)
                   && (size_t)size == size_of_registers(registers)
               ? 0
               : -EBADMSG;
}

int tfd_user_read_stack(const struct tfd_descriptor *descriptor, union tfd_user_stack *stack)
{
    ssize_t size = pread(descriptor->fd, stack, sizeof(*stack), TRAMPFD_STACK_OFFSET);

    if (size < 0)
        return -errno;
    return (size_t)size >= sizeof(stack->context) && (size_t)size == size_of_stack(stack)
               ? 0
               : -EBADMSG;
}
