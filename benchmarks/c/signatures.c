/* SPDX-License-Identifier: MIT */
/* The signatures of loops.c as libffi describes them; compiled with each rival's own libffi. */
#include "maker.h"

#include <string.h>

#define STRUCTURE(name, ...)                                                                       \
    static ffi_type *name##_members[] = {__VA_ARGS__, NULL};                                       \
    static ffi_type name = {.type = FFI_TYPE_STRUCT, .elements = name##_members}

STRUCTURE(pair, &ffi_type_slong, &ffi_type_double);
STRUCTURE(point, &ffi_type_float, &ffi_type_float);
STRUCTURE(large, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong);

static struct signature {
    const char *name;
    ffi_type *result;
    unsigned count;
    ffi_type *arguments[10];
    ffi_cif cif;
} signatures[] = {
    {"no arguments", &ffi_type_void, 0, {0}, {0}},
    {"1 signed char", &ffi_type_schar, 1, {&ffi_type_schar}, {0}},
    {"2 ints", &ffi_type_sint, 2, {&ffi_type_sint, &ffi_type_sint}, {0}},
    {"8 longs",
     &ffi_type_slong,
     8,
     {&ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong, &ffi_type_slong,
      &ffi_type_slong, &ffi_type_slong, &ffi_type_slong},
     {0}},
    {"6 doubles",
     &ffi_type_double,
     6,
     {&ffi_type_double, &ffi_type_double, &ffi_type_double, &ffi_type_double, &ffi_type_double,
      &ffi_type_double},
     {0}},
    {"16-byte struct", &pair, 1, {&pair}, {0}},
    {"8-byte struct of floats", &point, 1, {&point}, {0}},
    {"32-byte struct", &large, 1, {&large}, {0}},
    {"1 long double", &ffi_type_longdouble, 1, {&ffi_type_longdouble}, {0}},
    {"1 double complex", &ffi_type_complex_double, 1, {&ffi_type_complex_double}, {0}},
    {"10 mixed",
     &ffi_type_slong,
     10,
     {&ffi_type_sint, &ffi_type_double, &ffi_type_slong, &ffi_type_float, &ffi_type_sint,
      &ffi_type_double, &ffi_type_slong, &ffi_type_sint, &ffi_type_slong, &ffi_type_slong},
     {0}},
};

ffi_cif *signature_cif(const char *name)
{
    for (size_t i = 0; i < sizeof(signatures) / sizeof(*signatures); i++) {
        struct signature *signature = &signatures[i];

        if (strcmp(signature->name, name))
            continue;
        if (ffi_prep_cif(&signature->cif, FFI_DEFAULT_ABI, signature->count, signature->result,
                         signature->arguments)
            != FFI_OK)
            return NULL;
        return &signature->cif;
    }
    return NULL;
}
