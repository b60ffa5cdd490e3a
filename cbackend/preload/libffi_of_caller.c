/* SPDX-License-Identifier: MIT */
/*
 * What the core asks of libffi is asked of the libffi of the caller that is served, which is looked
 * for only when the core asks.
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
 * In the memory that each thread has from its start: dynamic memory would be asked for within the
 * first closure, of the loader, or of a sanitizer that has not begun.
 */
static __attribute__((tls_model("initial-exec"))) __thread struct {
    const void *caller;
    struct tfd_stock stock; /* of the caller, once it was looked for */
    int found;
} served;

void tfd_core_serve(const void *caller)
{
    served.caller = caller;
    served.found = 0;
}

static int find_stock(void)
{
    if (!served.found)
        served.found = served.caller && !tfd_stock_of(served.caller, &served.stock);
    return served.found;
}

/*
 * libffi is looked for before the lock is taken: that holds a lock of the loader's (see
 * stock.c), under which others may ask for ours.  Threads that make the first closures at once
 * may all do it.
 */
void tfd_core_allow(const void *caller)
{
    static atomic_int done;

    if (atomic_load_explicit(&done, memory_order_acquire))
        return;
    tfd_core_serve(caller);
    if (find_stock() && served.stock.prep_go) {
        tfd_lock();
        tfd_entry_libffi_allow();
        tfd_unlock();
    }
    atomic_store_explicit(&done, 1, memory_order_release);
}

/* What is done now is not done by threads that make their first closures at once. */
__attribute__((constructor)) static void begin(void)
{
    tfd_settings();
    if (tfd_stock_begin())
        tfd_core_allow(&served);
}

ffi_status tfd_libffi_prep_go(ffi_go_closure *closure, ffi_cif *cif, tfd_libffi_handler *handler)
{
    if (find_stock() && served.stock.prep_go)
        return served.stock.prep_go(closure, cif, handler);
    if (served.caller)
        tfd_report(TFD_FINDS_NO_LIBFFI, served.caller);
    return FFI_BAD_ABI;
}

ffi_status tfd_libffi_prep_cif(ffi_cif *cif, ffi_abi abi, unsigned count, ffi_type *result,
                               ffi_type **arguments)
{
    return find_stock() && served.stock.prep_cif
               ? served.stock.prep_cif(cif, abi, count, result, arguments)
               : FFI_BAD_ABI;
}
