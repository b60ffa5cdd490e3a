/* SPDX-License-Identifier: MIT */
/*
 * Closures of every size
 *
 * from the 8 bytes that CPython 3.14 asks for to structures that begin with a closure, as
 * gobject-introspection has them.  All bytes can be used; memory is aligned as malloc's.
 *
 * Right: works
 */
#include "mode.h"

int main(void)
{
    static const size_t sizes[] = {8, sizeof(ffi_closure), 64, 65, 100, 200, 4096, 100000};
    const int count = sizeof(sizes) / sizeof(sizes[0]);
    struct closure many[sizeof(sizes) / sizeof(sizes[0])];

    for (int round = 0; round < 100; round++) {
        for (int i = 0; i < count; i++) {
            many[i].writable = ffi_closure_alloc(sizes[i], (void **)&many[i].code);
            if (!many[i].writable)
                reported("ffi_closure_alloc(%zu) returned NULL", sizes[i]);
            EXPECT(!((uintptr_t)many[i].writable % 16), "%zu bytes are not aligned", sizes[i]);
            if (sizes[i] < sizeof(ffi_closure))
                continue;
            memset((char *)many[i].writable + sizeof(ffi_closure), 0xff,
                   sizes[i] - sizeof(ffi_closure));
            many[i].number = i;
            ffi_prep_closure_loc(many[i].writable, adder_cif(), add, (void *)(intptr_t)i,
                                 (void *)many[i].code);
        }
        check_many(many + 1, count - 1);
        for (int i = 0; i < count; i++)
            release(many[i]);
    }
    return 0;
}
