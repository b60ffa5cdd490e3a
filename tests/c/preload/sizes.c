/* SPDX-License-Identifier: MIT */
/* ffi_closure_alloc gives at least an ffi_closure, aligned as by malloc, whatever is asked for. */
#include "adder.h"

#include <stddef.h>

int main(void)
{
    static const size_t sizes[] = {0,   1,    8,      sizeof(ffi_closure), sizeof(ffi_raw_closure),
                                   100, 4096, 1 << 20};

    for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
        adder *code;
        char *closure = adder_make(sizes[i], (int)i, &code);

        CHECK((uintptr_t)closure % _Alignof(max_align_t) == 0);
        if (sizes[i] > sizeof(ffi_closure))
            memset(closure + sizeof(ffi_closure), 0xa5, sizes[i] - sizeof(ffi_closure));
        CHECK(code(41) == 41 + (int)i);
        CHECK(((ffi_closure *)closure)->cif->nargs == 1);
        ffi_closure_free(closure);
    }
    CHECK(!ffi_closure_alloc(sizeof(ffi_closure), NULL));
    CHECK(!ffi_closure_alloc(SIZE_MAX, &(void *){NULL}));
    ffi_closure_free(NULL);
    return has_wx();
}
