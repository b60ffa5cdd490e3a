/* SPDX-License-Identifier: MIT */
/*
 * libffi's closure functions, in front of libffi: by LD_PRELOAD, or because a program was linked
 * with this library first.
 *
 * ffi_closure_alloc() gives memory of ours; the other functions serve that, and hand whatever is
 * not ours to the libffi that the caller would have reached.  Callers that take the code address
 * for the writable one, which is no difference on many systems, are served and reported.
 */
#include "../closure/closure.h"
#include "ffi_core.h"
#include "ffi_report.h"
#include "ffi_settings.h"
#include "ffi_stock.h"

#include <ffi.h>

#define EXPORTED __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

static int find_stock(const void *caller, struct tfd_stock *stock)
{
    if (!tfd_stock_of(caller, stock))
        return 1;
    tfd_report(TFD_FINDS_NO_LIBFFI, caller);
    return 0;
}

static void *stock_alloc(size_t size, void **code, const void *caller)
{
    struct tfd_stock stock;

    tfd_report(TFD_IS_FORWARDED, caller);
    return find_stock(caller, &stock) && stock.alloc ? stock.alloc(size, code) : NULL;
}

EXPORTED void *ffi_closure_alloc(size_t size, void **code)
{
    struct trampfd_trail trail;
    void *closure;

    if (!code)
        return NULL;
    if (tfd_settings()->disabled)
        return stock_alloc(size, code, CALLER);
    tfd_core_allow(CALLER);
    closure = trampfd_closure_alloc(size, code, &trail);
    if (!closure)
        tfd_report_trail(&trail);
    tfd_report(closure ? TFD_MAKES_CLOSURE : TFD_IS_REFUSED, CALLER);
    return closure;
}

/*
 * Another copy of libffi would take the memory into its own heap.  Which copy made a closure is
 * seen in the code that it wrote there.
 */
static void stock_free(void *closure, const void *caller)
{
    const void *target = tfd_port_stock_target(closure);
    const void *maker = target ? tfd_object_of(target) : NULL;
    struct tfd_stock stock;

    if (!find_stock(caller, &stock))
        return;
    if (maker && maker != stock.object) {
        tfd_report(TFD_FREES_OTHERS, caller);
        if (tfd_stock_at(target, &stock))
            return;
    }
    tfd_report(TFD_IS_FORWARDED, caller);
    if (stock.free)
        stock.free(closure);
}

EXPORTED void ffi_closure_free(void *address)
{
    struct trampfd_closure closure;

    if (!address)
        return;
    if (!tfd_closure_owns(address)) {
        stock_free(address, CALLER);
        return;
    }
    if (!trampfd_closure_read(address, &closure) && closure.allocated) {
        tfd_report(TFD_FREES_CODE, CALLER);
        address = closure.closure;
    }
    trampfd_closure_free(address);
}

static ffi_status stock_prep(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                             void *user_data, void *code, const void *caller)
{
    struct tfd_stock stock;

    tfd_report(TFD_IS_FORWARDED, caller);
    return find_stock(caller, &stock) && stock.prep
               ? stock.prep(closure, cif, fun, user_data, code)
               : FFI_BAD_ABI;
}

/*
 * libffi's raw closures are prepared by libffi itself, with a handler that reads the closure where
 * `user_data` points: at the code address, which it takes to be readable as the closure.
 */
static int is_raw(const void *user_data, const void *code, const void *caller)
{
    struct tfd_stock stock;

    return user_data == code && !tfd_stock_of(caller, &stock)
           && tfd_object_of(caller) == stock.object;
}

static ffi_status prep(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun, void *user_data,
                       void *code, const void *caller)
{
    struct trampfd_closure found;

    if (!tfd_closure_owns(closure))
        return stock_prep(closure, cif, fun, user_data, code, caller);
    if (!trampfd_closure_read(closure, &found) && found.allocated) {
        tfd_report(TFD_PREPARES_CODE, caller);
        closure = found.closure;
    } else if (code == closure) {
        tfd_report(TFD_PREPARES_FOR_WRITABLE, caller);
    }
    if (is_raw(user_data, code, caller))
        user_data = closure;
    tfd_core_serve(caller);
    return trampfd_closure_prep(closure, cif, fun, user_data) ? FFI_BAD_ABI : FFI_OK;
}

EXPORTED ffi_status ffi_prep_closure_loc(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                                         void *user_data, void *code)
{
    return prep(closure, cif, fun, user_data, code, CALLER);
}

EXPORTED ffi_status ffi_prep_closure(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                                     void *user_data)
{
    return prep(closure, cif, fun, user_data, closure, CALLER);
}
