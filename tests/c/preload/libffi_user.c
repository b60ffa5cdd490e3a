/* SPDX-License-Identifier: MIT */
/* A library that makes closures with libffi, for a program that calls it. */
#include <ffi.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#define COUNT 100

int user_make(int number);
void *user_address(int number);
int user_call(int number, int argument);
void user_free(int number);

static struct {
    ffi_closure *closure;
    int (*code)(int);
} made[COUNT];
static ffi_cif cif;
static ffi_type *arguments[] = {&ffi_type_sint};

static void add(ffi_cif *unused, void *result, void **values, void *number)
{
    (void)unused;
    *(ffi_sarg *)result = *(int *)values[0] + (int)(intptr_t)number;
}

__attribute__((constructor)) static void describe(void)
{
    if (ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, arguments) != FFI_OK)
        abort();
}

/* Returns 1 when there is a closure. */
int user_make(int number)
{
    void *code;
    ffi_closure *closure = ffi_closure_alloc(sizeof(ffi_closure), &code);

    made[number].closure = closure;
    made[number].code = (int (*)(int))code;
    return closure
           && ffi_prep_closure_loc(closure, &cif, add, (void *)(intptr_t)number, code) == FFI_OK;
}

void *user_address(int number)
{
    return (void *)made[number].code;
}

int user_call(int number, int argument)
{
    return made[number].code(argument);
}

void user_free(int number)
{
    ffi_closure_free(made[number].closure);
}
