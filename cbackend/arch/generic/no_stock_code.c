/* SPDX-License-Identifier: MIT */
/* A port that does not know the code that libffi writes: such closures are left to that libffi. */
#include "arch/port.h"
#include "slot/allowed.h"

#include <stddef.h>

const struct tfd_entries tfd_entries_foreign = {.count = 0};

tfd_entry *const tfd_port_foreign = NULL;

const void *tfd_port_stock_code_target(const void *closure)
{
    (void)closure;
    return NULL;
}
