/* SPDX-License-Identifier: MIT */
/*
 * What is done once when the library is loaded, in this order.  Constructors of other libraries may
 * make closures before that: they find no device and no file of this library, so what they make
 * comes from the slots in its text or from a memfd.
 */
#include "base/lock.h"
#include "closure/entry.h"
#include "provider/device.h"
#include "provider/source.h"
#include "slot/pool.h"

#include <stddef.h>

void (*const tfd_repairs[])(int torn) = {tfd_pool_in_child, tfd_plans_in_child, NULL};

__attribute__((constructor)) static void init(void)
{
    tfd_lock_init(); /* if it fails, the first allocation tries again and reports it */
    tfd_device_init();
    tfd_source_own_file_init();
    tfd_entry_libffi_allow();
}
