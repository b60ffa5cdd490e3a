/* SPDX-License-Identifier: MIT */
/*
 * The program prepares closures in memory that it mapped itself
 *
 * writable and executable, as cffi, GHC and Ruby do; it may have been used before.
 *
 * Ways: ffi_prep_closure; ffi_prep_closure_loc; memory that was used
 * Right: works
 */
#include "mode.h"

#include <sys/mman.h>

int main(int argc, char **argv)
{
    char *memory =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    ffi_status status;

    NEED(memory != MAP_FAILED, "memory that is writable and executable");
    if (way("memory that was used"))
        memset(memory, 0x5a, 4096);
    for (int i = 0; i < 64; i++) {
        ffi_closure *closure = (ffi_closure *)(memory + 64 * i);

        if (way("ffi_prep_closure"))
            status = ffi_prep_closure(closure, adder_cif(), add, (void *)(intptr_t)i);
        else
            status = ffi_prep_closure_loc(closure, adder_cif(), add, (void *)(intptr_t)i, closure);
        EXPECT(status == FFI_OK, "the closure is not prepared");
    }
    for (int i = 0; i < 64; i++)
        check((struct closure){NULL, (adder *)(memory + 64 * i), i});
    return 0;
}
