/* SPDX-License-Identifier: MIT */
/* Contexts: checking and comparing them, and naming registers. */
#ifndef TFD_CONTEXT_H
#define TFD_CONTEXT_H

#include "arch/port.h"

/*
 * Copy a context that follows the rules of trampfd.h: names become those of tfd_port_registers, and
 * unused parts are zeroed.  Returns 0, or a negative errno with an attempt on the trail.
 */
int tfd_context_copy(struct trampfd_context *copy, const struct trampfd_context *context,
                     const struct trampfd_allowed *allowed, struct trampfd_trail *trail);

/* NULL if this CPU has no register of that name, or number. */
const struct tfd_register *tfd_register_of_name(const char *name);
const struct tfd_register *tfd_register_of_number(uint32_t number);

/* The value in a context of a register, by its name in tfd_port_registers; or NULL. */
const uint64_t *tfd_context_find(const struct trampfd_context *context, const char *name);

/* Set the value of a register; there is always room for all registers of this CPU. */
void tfd_context_set(struct trampfd_context *context, const char *name, uint64_t value);

/* Append every difference between two contexts that tfd_context_copy() made. */
void tfd_context_compare(const struct trampfd_context *wanted, const struct trampfd_context *found,
                         struct trampfd_report *report);

#endif
