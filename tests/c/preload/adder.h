/* SPDX-License-Identifier: MIT */
/* For programs that know libffi only: a closure that adds its argument to a number. */
#ifndef PRELOAD_ADDER_H
#define PRELOAD_ADDER_H

#define _GNU_SOURCE
#include <ffi.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);                        \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

typedef int adder(int);

static ffi_type *adder_types[] = {&ffi_type_sint};

static void adder_handler(ffi_cif *cif, void *result, void **arguments, void *user_data)
{
    (void)cif;
    *(ffi_arg *)result = (ffi_arg)(*(int *)arguments[0] + (int)(intptr_t)user_data);
}

__attribute__((unused)) static ffi_cif *adder_cif(void)
{
    static __thread ffi_cif cif;

    CHECK(ffi_prep_cif(&cif, FFI_DEFAULT_ABI, 1, &ffi_type_sint, adder_types) == FFI_OK);
    return &cif;
}

/* An ffi_closure that adds `number`; `size` bytes are asked for. */
__attribute__((unused)) static void *adder_make(size_t size, int number, adder **code)
{
    void *closure = ffi_closure_alloc(size, (void **)code);

    CHECK(closure);
    CHECK(ffi_prep_closure_loc(closure, adder_cif(), adder_handler, (void *)(intptr_t)number,
                               (void *)*code)
          == FFI_OK);
    CHECK((*code)(1) == number + 1);
    return closure;
}

/* Is memory writable and executable, or a file mapped writable for more than this process? */
__attribute__((unused)) static int has_wx(void)
{
    FILE *maps = fopen("/proc/self/maps", "re");
    char line[4096];
    int found = 0;

    CHECK(maps);
    while (fgets(line, sizeof(line), maps)) {
        const char *mode = strchr(line, ' ');

        found |= mode && mode[2] == 'w' && (mode[3] == 'x' || mode[4] == 's');
    }
    fclose(maps);
    return found;
}

#endif
