/* SPDX-License-Identifier: MIT */
/*
 * A context as the entry "context" reads it: a list of steps, each the address of a piece of
 * code that does one thing with the step's value (load it into one register, say) and jumps to
 * the next step's code.  So the order is that of the list, no register is needed but the static
 * chain register, which points at the current step, and the flags stay as they are.
 */
#ifndef TFD_STEPS_H
#define TFD_STEPS_H

#include "slot/record.h"
#include "trampfd.h"

struct tfd_step {
    tfd_entry *apply;
    uint64_t value;
};

/* Stack data, its registers, the PC, the static chain register. */
#define TFD_STEPS_MAX (1 + TRAMPFD_MAX_REGS + 2)

struct tfd_stack {
    uint32_t flags, offset, size;
    uint8_t data[TRAMPFD_MAX_DATA_SIZE];
};

#endif
