/* SPDX-License-Identifier: MIT */
/* What a CPU's files (arch/<cpu>_registers.c, arch/<cpu>_steps.S) provide for contexts. */
#ifndef TFD_CONTEXT_PORT_H
#define TFD_CONTEXT_PORT_H

#include "steps.h"

/*
 * A register that contexts can name.  `load` is the step that loads it; NULL for the static
 * chain register, which leads through the steps and is loaded by the last one.
 */
struct tfd_register {
    const char *name;
    uint32_t number; /* in the kernel's interface */
    tfd_entry *load;
};

extern const struct tfd_register tfd_port_registers[];
extern const unsigned tfd_port_register_count;

/* The number of the PC in the kernel's interface. */
extern const uint32_t tfd_port_pc;

/* The entry "context": goes to the first of the record's steps. */
tfd_entry tfd_entry_context;

/* Step: stores stack data as trampfd.h says; its value is the address of a struct tfd_stack. */
tfd_entry tfd_step_stack;

/*
 * The last step of a context: goes on at the PC, its value.  If the context names the static
 * chain register, the value of the step after it is loaded first.
 */
tfd_entry *tfd_port_last_step(const struct trampfd_context *context, int names_chain);

#endif
