/* SPDX-License-Identifier: MIT */
/*
 * Only the library's file may be executed
 *
 * as SELinux without execmem, IPE and IMA have it.  What the process maps executable is looked at;
 * for enforcement by SELinux see tests/test_policies.py.
 *
 * Right: works
 * Not with memfd: a memfd is not the library's file
 * Not with trampfd: the kernel makes the code
 * Not with trampfd-user: the kernel makes the code
 */
#include "policy.h"

int main(void)
{
    /* The ways to code that is in no file, or in a new one. */
    SET_FILTER(DENY_WRITE_EXECUTE(COUNT), DENY_MEMFD(COUNT), {SYS_openat, 2, O_CREAT, COUNT},
               {SYS_open, 1, O_CREAT, COUNT});
    grow();
    EXPECT(!refused_calls, "code is written to memory or to another file");
    return 0;
}
