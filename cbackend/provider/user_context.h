/* SPDX-License-Identifier: MIT */
/* What a descriptor of type TRAMPFD_USER holds: registers, and stack data. */
#ifndef TFD_USER_CONTEXT_H
#define TFD_USER_CONTEXT_H

#include "device.h"

/* The structures of the interface, with the room for their longest last member. */
union tfd_user_registers {
    struct trampfd_regs context;
    char room[sizeof(struct trampfd_regs) + TRAMPFD_MAX_REGS * sizeof(struct trampfd_reg)];
};

union tfd_user_stack {
    struct trampfd_stack context;
    char room[sizeof(struct trampfd_stack) + TRAMPFD_MAX_DATA_SIZE];
};

/*
 * Set what the context says, or read it whole: nothing beyond its length is set or read.  They
 * return 0 or a negative errno; EBADMSG: what was read is not of the length that it says.
 */
int tfd_user_set_registers(const struct tfd_descriptor *descriptor,
                           const union tfd_user_registers *registers);
int tfd_user_set_stack(const struct tfd_descriptor *descriptor, const union tfd_user_stack *stack);
int tfd_user_read_registers(const struct tfd_descriptor *descriptor,
                            union tfd_user_registers *registers);
int tfd_user_read_stack(const struct tfd_descriptor *descriptor, union tfd_user_stack *stack);

#endif
