/* SPDX-License-Identifier: MIT */
/*
 * libffi's closure functions, found before those of libffi: through LD_PRELOAD, or because a
 * program was linked with this library first.
 *
 * ffi_closure_alloc() returns memory of this library.  The other functions handle that memory, and
 * forward everything else to the libffi that the caller would have reached.  Callers that mistake
 * the code address for the writable one (on many systems the two are equal) are served and
 * reported.
 */
#include "arch/port.h"
#include "closure/closure.h"
#include "closure/sibling.h"
#include "slot/pool.h"
#include "libffi_of_caller.h"
#include "foreign.h"
#include "origin.h"
#include "report.h"
#include "settings.h"
#include "real_ffi.h"

#include <errno.h>
#include <ffi.h>

#define EXPORTED __attribute__((visibility("default")))
#define CALLER __builtin_return_address(0)

static int find_real(const void *caller, struct tfd_real_ffi *real)
{
    if (!tfd_real_ffi_of(caller, real))
        return 1;
    tfd_report(TFD_FINDS_NO_LIBFFI, caller);
    return 0;
}

static void *real_alloc(size_t size, void **code, const void *caller)
{
    struct tfd_real_ffi real;

    tfd_report(TFD_IS_FORWARDED, caller);
    return find_real(caller, &real) && real.alloc ? real.alloc(size, code) : NULL;
}

EXPORTED void *ffi_closure_alloc(size_t size, void **code)
{
    struct trampfd_trail trail;
    void *closure;

    if (!code)
        return NULL;
    if (tfd_settings()->disabled)
        return real_alloc(size, code, CALLER);
    tfd_core_allow(CALLER);
    if (tfd_foreign_is_possible(CALLER))
        closure = tfd_foreign_alloc(size, code, &trail);
    else
        closure = trampfd_closure_alloc(size, code, &trail);
    if (!closure)
        tfd_report_trail(&trail);
    tfd_origin_made(closure, CALLER);
    tfd_report(closure ? TFD_MAKES_CLOSURE : TFD_IS_REFUSED, CALLER);
    return closure;
}

/*
 * Finds the owner of a closure that belongs to another copy of trampfd.  If that is another preload
 * library, its functions (which have libffi's names, too) handle the closure.  Closures of the C
 * library or of the Python extension cannot be freed or prepared by anybody else.
 */
static int find_sibling(const void *closure, struct tfd_real_ffi *real)
{
    char name[TFD_SIBLING_NAME];
    const void *inside = tfd_sibling_of(closure, name);

    *real = (struct tfd_real_ffi){.object = NULL};
    return inside && !tfd_real_ffi_at(inside, real);
}

/*
 * Another copy of libffi would add the memory to its own heap.  The code that a copy wrote into the
 * closure shows which one made it.
 */
static void real_free(void *closure, const void *caller)
{
    const void *target, *maker;
    struct tfd_real_ffi real;

    if (find_sibling(closure, &real)) {
        if (!real.free)
            tfd_closure_free_refused(closure);
        tfd_report(TFD_FREES_OTHERS, caller);
        real.free(closure);
        return;
    }
    if (!find_real(caller, &real))
        return;
    target = tfd_port_stock_code_target(closure);
    maker = target ? tfd_object_of(target) : NULL;
    if (maker && maker != real.object) {
        tfd_report(TFD_FREES_OTHERS, caller);
        if (tfd_real_ffi_at(target, &real))
            return;
    }
    tfd_report(TFD_IS_FORWARDED, caller);
    if (real.free)
        real.free(closure);
}

/* The writable address of one of our closures, given its function pointer; or NULL. */
static void *closure_of_code(const void *code)
{
    struct trampfd_closure closure;

    return trampfd_closure_read(code, &closure) || !closure.allocated ? NULL : closure.closure;
}

EXPORTED void ffi_closure_free(void *address)
{
    char name[TFD_NAME_SIZE_DEBUG];
    void *closure;

    if (!address || !tfd_closure_free(address, tfd_origin_freed(address, CALLER, name)))
        return;
    if (!tfd_sibling_owns(address)) {
        real_free(address, CALLER);
        return;
    }
    closure = closure_of_code(address);
    if (!closure)
        tfd_closure_free_refused(address);
    tfd_report(TFD_FREES_CODE, CALLER);
    trampfd_closure_free_named(closure, tfd_origin_freed(closure, CALLER, name));
}

static ffi_status real_prep(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                            void *user_data, void *code, const void *caller)
{
    struct tfd_real_ffi real;

    if (find_sibling(closure, &real))
        tfd_report(real.prep ? TFD_PREPARES_OTHERS : TFD_PREPARES_STRANGERS, caller);
    else if (find_real(caller, &real))
        tfd_report(TFD_IS_FORWARDED, caller);
    return real.prep ? real.prep(closure, cif, fun, user_data, code) : FFI_BAD_ABI;
}

/*
 * libffi prepares its raw closures itself, with a handler that reads the closure at `user_data`.
 * That is the code address, where libffi expects the closure to be readable.
 */
static int is_raw(const void *user_data, const void *code, const void *caller)
{
    struct tfd_real_ffi real;

    return user_data == code && !tfd_real_ffi_of(caller, &real)
           && tfd_object_of(caller) == real.object;
}

/* `closure` is not the writable address of a live closure. */
static ffi_status prep_elsewhere(ffi_closure *closure, ffi_cif *cif, tfd_ffi_handler *fun,
                                 void *user_data, void *code, const void *caller)
{
    if (!tfd_pool_has(closure))
        return real_prep(closure, cif, fun, user_data, code, caller);
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
