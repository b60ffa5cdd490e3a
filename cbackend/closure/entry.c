/* SPDX-License-Identifier: MIT */
#include "entry.h"

int tfd_entry_set(union tfd_record *record, tfd_dispatch *dispatch)
{
    if (tfd_entry_plan_set(record, dispatch))
        return 0;
    return tfd_entry_libffi_set_for(record, dispatch);
}
