/* SPDX-License-Identifier: MIT */
/* Closures in memory that the program mapped itself, by both ways to prepare them. */
#include "adder.h"

#include <sys/mman.h>

int main(void)
{
    ffi_closure *own =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    CHECK(own != MAP_FAILED);
    CHECK(ffi_prep_closure(&own[0], adder_cif(), adder_handler, (void *)7) == FFI_OK);
    CHECK(ffi_prep_closure_loc(&own[1], adder_cif(), adder_handler, (void *)8, &own[1]) == FFI_OK);
    CHECK(((adder *)&own[0])(1) == 8);
    CHECK(((adder *)&own[1])(1) == 9);
    return 0;
}
