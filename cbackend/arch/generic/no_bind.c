/* SPDX-License-Identifier: MIT */
/* A port without entries of bound functions: libffi makes every call. */
#include "arch/port.h"
#include "slot/allowed.h"

#include <stddef.h>

const struct tfd_entries tfd_entries_bind = {.count = 0};

tfd_entry *tfd_port_bind_entry(const struct tfd_plan *plan, const ffi_cif *cif,
                               enum trampfd_position position)
{
    (void)plan;
    (void)cif;
    (void)position;
    return NULL;
}

int tfd_port_libffi_miscalls(const struct tfd_plan *plan, const ffi_cif *cif)
{
    (void)plan;
    (void)cif;
    return 0;
}
