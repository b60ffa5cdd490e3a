/* SPDX-License-Identifier: MIT */
#include "entry.h"

int tfd_entry_set(union tfd_record *record, tfd_dispatch *dispatch)
{
    if (tfd_entry_plan_set(record, dispatch))
        return 0;
    return tfd_entry_libffi_set_for(record, dispatch);
}

const struct tfd_plan *tfd_entry_plan_of(const union tfd_record *record)
{
    return tfd_port_is_plan_entry(record->go.entry) ? record->plan.plan : NULL;
}
