/* SPDX-License-Identifier: MIT */
/*
 * A closure is made and freed at once, and never called
 *
 * as `import ctypes` does since CPython 3.14.  No file is opened for that, and no descriptor is
 * kept.
 *
 * Right: works
 * Without TRAMPFD_DEBUG: for which /proc/self/maps is read
 */
#include "policy.h"

int main(void)
{
    void *code;

    SET_FILTER({SYS_openat, 0, 0, COUNT}, {SYS_open, 0, 0, COUNT}, {SYS_memfd_create, 0, 0, COUNT});
    ffi_closure_free(ffi_closure_alloc(8, &code));
    EXPECT(!refused_calls, "files are opened");
    for (int fd = 3; fd < 1024; fd++)
        EXPECT(fcntl(fd, F_GETFD) == -1, "a descriptor is kept");
    return 0;
}
