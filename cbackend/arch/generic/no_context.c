/* SPDX-License-Identifier: MIT */
/* A port without the entry "context": contexts can name no register. */
#include "arch/port.h"
#include "slot/allowed.h"

#include <stddef.h>
#include <stdlib.h>

const struct tfd_entries tfd_entries_context = {.count = 0};

const struct tfd_register tfd_port_registers[] = {{.name = NULL}};
const unsigned tfd_port_register_count = 0;
const uint32_t tfd_port_pc = 0;

tfd_entry *const tfd_port_context = NULL;

/* Never called, because no trampoline is made. */
void tfd_step_stack(void)
{
    abort();
}

tfd_entry *tfd_port_last_step(const struct trampfd_context *context, int names_chain)
{
    (void)context;
    (void)names_chain;
    return NULL;
}
