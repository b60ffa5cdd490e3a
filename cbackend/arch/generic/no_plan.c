/* SPDX-License-Identifier: MIT */
/* A port without plans: libffi marshals every call. */
#include "arch/port.h"
#include "slot/allowed.h"

#include <stdlib.h>

const struct tfd_entries tfd_entries_plan = {.count = 0};

int tfd_port_plan(struct tfd_plan *plan, const ffi_cif *cif)
{
    (void)plan;
    (void)cif;
    return 0;
}

/* Never called, because no plan is made. */
struct tfd_return_words tfd_port_finish(unsigned kind, char *frame)
{
    (void)kind;
    (void)frame;
    abort();
}
