/* SPDX-License-Identifier: MIT */
/*
 * The core's calls of libffi go to the libffi of the caller that is being served.  That libffi is
 * looked up when the core first needs it.
 */
#include "libffi_of_caller.h"

#include "closure/entry.h"
#include "closure/libffi.h"
#include "base/lock.h"
#include "report.h"
#include "settings.h"
#include "real_ffi.h"

#include <stdatomic.h>

/*
 * In the thread's static memory: dynamic memory would be allocated during the first closure, by the
 * loader, or by a sanitizer that is not initialized yet.
 */
static TFD_THREAD_LOCAL struct {
    const void *caller;
    struct tfd_real_ffi real; /* of the caller, if `found` */
    int found;
} served;

void tfd_core_serve(const void *caller)
{
    served.caller = caller;
    served.found = 0;
}

static int find_real(void)
{
    if (!served.found)
        served.found = served.caller && !tfd_real_ffi_of(served.caller, &served.real);
    return served.found;
}

/*
 * libffi is looked up before the lock is taken, because the search holds a lock of the loader (see
 * real_ffi.c), and other threads may wait for our lock while they hold that one.  Threads that make
 * their first closures at the same time may all do it.
 */
void tfd_core_allow(const void *caller)
{
    static atomic_int done;

    if (atomic_load_explicit(&done, memory_order_acquire))
        return;
    tfd_core_serve(caller);
    if (find_real() && served.real.prep_go) {
        tfd_lock();
        tfd_entry_libffi_allow();
        tfd_unlock();
    }
    atomic_store_explicit(&done, 1, memory_order_release);
}

/* Done here, so that threads which make their first closures at the same time need not do it. */
__attribute__((constructor)) static void begin(void)
{
    tfd_settings();
    if (tfd_real_ffi_init())
        tfd_core_allow(&served);
}

ffi_status tfd_libffi_prep_go(ffi_go_closure *closure, ffi_cif *cif, tfd_libffi_handler *handler)
{
    if (find_real() && served.real.prep_go)
        return served.real.prep_go(closure, cif, handler);
    if (served.caller)
        tfd_report(TFD_FINDS_NO_LIBFFI, served.caller);
    return FFI_BAD_ABI;
}

ffi_status tfd_libffi_prep_cif(ffi_cif *cif, ffi_abi abi, unsigned count, ffi_type *result,
                               ffi_type **arguments)
{
    return find_real() && served.real.prep_cif
               ? served.real.prep_cif(cif, abi, count, result, arguments)
               : FFI_BAD_ABI;
}
