/* SPDX-License-Identifier: MIT */
/*
 * A library linked with libtrampfd and with libffi, for programs that have the extension too:
 * "own" closures are libtrampfd's, "ffi" ones those of the libffi that the loader found.
 */
#include "adder.h"

#include "trampfd.h"

#define EXPORTED __attribute__((visibility("default")))

EXPORTED void *own_make(int number, adder **code);
EXPORTED int own_prepare(void *closure, int number);
EXPORTED void own_free(void *closure);
EXPORTED int own_reads(adder *code);
EXPORTED int own_verifies(adder *code, int number);
EXPORTED void *ffi_make(size_t size, int number, adder **code);
EXPORTED int ffi_prepare(void *closure, int number, adder *code);
EXPORTED void ffi_free(void *closure);
EXPORTED int call(adder *code, int number);

static ffi_cif *cif(void)
{
    static ffi_cif one;

    CHECK(ffi_prep_cif(&one, FFI_DEFAULT_ABI, 1, &ffi_type_sint, adder_types) == FFI_OK);
    return &one;
}

void *own_make(int number, adder **code)
{
    void *closure = trampfd_closure_alloc(sizeof(ffi_closure), (void **)code, NULL);

    CHECK(closure && !own_prepare(closure, number));
    return closure;
}

int own_prepare(void *closure, int number)
{
    return trampfd_closure_prep(closure, cif(), adder_handler, (void *)(intptr_t)number);
}

void own_free(void *closure)
{
    trampfd_closure_free(closure);
}

/* 0, or the errno of a refusal. */
int own_reads(adder *code)
{
    struct trampfd_closure closure;

    return -trampfd_closure_read((const void *)code, &closure);
}

/* Words that differ, or the errno of a refusal, negative. */
int own_verifies(adder *code, int number)
{
    struct trampfd_report report;
    int error = trampfd_closure_verify((const void *)code, cif(), adder_handler,
                                       (void *)(intptr_t)number, &report);

    return error ? error : (int)report.count;
}

void *ffi_make(size_t size, int number, adder **code)
{
    return adder_make(size, number, code);
}

int ffi_prepare(void *closure, int number, adder *code)
{
    ffi_status status =
        ffi_prep_closure_loc(closure, cif(), adder_handler, (void *)(intptr_t)number, (void *)code);

    __asm__ volatile(""); /* so that it is called, not jumped to */
    return status;
}

void ffi_free(void *closure)
{
    ffi_closure_free(closure);
    __asm__ volatile("");
}

int call(adder *code, int number)
{
    return code(number);
}
