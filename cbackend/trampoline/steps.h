/* SPDX-License-Identifier: MIT */
/*
 * A context as the entry "context" reads it: a list of steps.  Each step has the address of code
 * that does one thing with the step's value (for example, loads it into one register) and jumps to
 * the code of the next step.  So the order is that of the list, only the static chain register,
 * which points to the current step, is needed, and the flags are preserved.
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

struct tfd_steps {
    struct tfd_step step[TFD_STEPS_MAX];
    struct tfd_stack stack;
};

#endif
