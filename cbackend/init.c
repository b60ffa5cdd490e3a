/* SPDX-License-Identifier: MIT */
/*
 * Initialization, once, when the library is loaded.  Constructors of other libraries may make
 * closures before that: for them neither the device nor this library's file has been found, so they
 * get slots of the library's text or of a memfd.
 */
#include "base/lock.h"
#include "closure/entry.h"
#include "provider/device.h"
#include "provider/provider.h"
#include "provider/source.h"
#include "slot/pool.h"
#include "slot/reserve.h"

#include <stddef.h>

void (*const tfd_repairs[])(int torn) = {tfd_table_in_child, tfd_pool_in_child, tfd_plans_in_child,
                                         NULL};

__attribute__((constructor)) static void init(void)
{
    tfd_lock_init(); /* if it fails, the first allocation tries again and reports it */
    tfd_device_init();
    tfd_source_own_file_init();
    tfd_entry_libffi_allow();
    if (tfd_reserve_at_start)
        tfd_reserve_at_start();
}
