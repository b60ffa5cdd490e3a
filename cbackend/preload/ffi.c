/* SPDX-License-Identifier: MIT */
/*
 * libffi's closure functions, in front of libffi: by LD_PRELOAD, or because a program was linked
 * with this library first.
 *
 * ffi_closure_alloc() gives memory of ours; the other functions serve that, and hand whatever is
 * not ours to the libffi that the caller would have reached.  Callers that take the code address
 * for the writable one, which is no difference on many systems, are served and reported.
 */
#include "closure/closure.h"
#include "closure/sibling.h"
#include "slot/pool.h"
#include "libffi_of_caller.h"
#include "foreign.h"
#include "report.h"
#include "settings.h"
#include "real_ffi.h"

#include <errno.h>
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
    if (tfd_foreign_is_possible(CALLER))
        closure = tfd_foreign_alloc(size, code, &trail);
    else
        closure = trampfd_closure_alloc(size, code, &trail);
    if (!closure)
        tfd_report_trail(&trail);
    tfd_report(closure ? TFD_MAKES_CLOSURE : TFD_IS_REFUSED, CALLER);
    return closure;
}

/*
 * Whose closure is it, that is not ours?  Another preload library's is served by its functions, which
 * are libffi's too; what the C library or the Python extension made nobody else can free or prepare.
 */
static int find_sibling(const void *closure, struct tfd_stock *stock)
{
    char name[TFD_SIBLING_NAME];
    const void *inside = tfd_sibling_of(closure, name);

    *stock = (struct tfd_stock){.object = NULL};
    return inside && !tfd_stock_at(inside, stock);
}

/*
 * Another copy of libffi would take the memory into its own heap.  Which copy made a closure is
 * seen in the code that it wrote there.
 */
static void stock_free(void *closure, const void *caller)
{
    const void *target, *maker;
    struct tfd_stock stock;

    if (find_sibling(closure, &stock)) {
        if (!stock.free)
            tfd_closure_free_refused(closure);
        tfd_report(TFD_FREES_OTHERS, caller);
        stock.free(closure);
        return;
    }
    if (!find_stock(caller, &stock))
        return;
    target = tfd_port_stock_target(closure);
    maker = target ? tfd_object_of(target) : NULL;
    if (maker && maker != stock.object) {
        tfd_report(TFD_FREES_OTHERS, caller);
        if (tfd_stock_at(target, &stock))
            return;
    }
    tfd_report(TFD_IS_FORWARDED, caller);
    if (stock.free)
        stock.free(closure);
}

/* The writable address of a closure of ours, given its function pointer; or NULL. */
static void *closure_of_code(const void *code)
{
    struct trampfd_closure closure;

    return trampfd_closure_read(code, &closure) || !closure.allocated ? NULL : closure.closure;
}

EXPORTED void ffi_closure_free(void *address)
{
    void *closure;

    if (!address || !tfd_closure_free(address, NULL))
        return;
    if (!tfd_sibling_owns(address)) {
        stock_free(address, CALLER);
        return;
    }
    closure = closure_of_code(address);
    if (!closure)
        tfd_closure_free_refused(address);
    tfd_report(TFD_FREES_CODE, CALLER);
    trampfd_closure_free(closure);
}

static ffi_status stock_prep(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                             void *user_data, void *code, const void *caller)
{
    struct tfd_stock stock;

    if (find_sibling(closure, &stock))
        tfd_report(stock.prep ? TFD_PREPARES_OTHERS : TFD_PREPARES_STRANGERS, caller);
    else if (find_stock(caller, &stock))
        tfd_report(TFD_IS_FORWARDED, caller);
    return stock.prep ? stock.prep(closure, cif, fun, user_data, code) : FFI_BAD_ABI;
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

/* `closure` is not the writable address of a live closure. */
static ffi_status prep_elsewhere(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                                 void *user_data, void *code, const void *caller)
{
    if (!tfd_pool_has(closure))
        return stock_prep(closure, cif, fun, user_data, code, caller);
    closure = closure_of_code(closure);
    if (!closure)
        return FFI_BAD_ABI;
    tfd_report(TFD_PREPARES_CODE, caller);
    if (is_raw(user_data, code, caller))
        user_data = closure;
    return trampfd_closure_prep(closure, cif, fun, user_data) ? FFI_BAD_ABI : FFI_OK;
}

static ffi_status prep(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun, void *user_data,
                       void *code, const void *caller)
{
    void *data = is_raw(user_data, code, caller) ? closure : user_data;
    int error;

    tfd_core_serve(caller);
    error = trampfd_closure_prep(closure, cif, fun, data);
    if (error == -EINVAL)
        return prep_elsewhere(closure, cif, fun, user_data, code, caller);
    if (!error && code == closure)
        tfd_report(TFD_PREPARES_FOR_WRITABLE, caller);
    return error ? FFI_BAD_ABI : FFI_OK;
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
