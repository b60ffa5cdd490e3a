/* SPDX-License-Identifier: MIT */
/*
 * W+X memory, memfd_create and new files are refused
 *
 * as by MemoryDenyWriteExecute=, SystemCallFilter=~memfd_create, and file systems that forbid
 * execution wherever the process can write.
 *
 * Right: works
 * Right with memfd: reported: memfd_create: Operation not permitted
 */
#include "policy.h"

int main(void)
{
    struct closure one = make(1);

    SET_FILTER(DENY_WRITE_EXECUTE(REFUSE), DENY_MEMFD(REFUSE), {SYS_openat, 2, O_CREAT, REFUSE},
               {SYS_openat, 2, O_TMPFILE, REFUSE}, {SYS_open, 1, O_CREAT, REFUSE});
    check(one);
    grow();
    return 0;
}
