/* SPDX-License-Identifier: MIT */
/*
 * The kernel has no trampfd
 *
 * and what the RFC numbered 440 is another system call, which ends the process here; /dev/trampfd
 * is absent, or another file.
 *
 * Ways: no device; another file
 * Right: works
 * Not with trampfd: the kernel has it
 * Not with trampfd-user: the kernel has it
 */
#include "policy.h"

static void prepare(int argc, char **argv)
{
    /* "auto" asks for the kernel's provider first. */
    setenv("TRAMPFD_PROVIDER", "auto", 1);
    if (way("another file")) {
        own_mounts();
        mount_at("none", "/dev", "tmpfs", 0, NULL);
        write_file("/dev/trampfd", "", 0);
    }
    SET_FILTER({440, 0, 0, SECCOMP_RET_KILL_PROCESS});
}

int main(int argc, char **argv)
{
    if (!getenv("MODE_AGAIN"))
        prepare(argc, argv);
    start_over(argv);
    grow();
    return 0;
}
