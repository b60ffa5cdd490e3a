/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "source.h"

#include "arch/port.h"
#include "base/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U
#endif

static const char source[] = "memfd";

/*
 * MFD_NOEXEC_SEAL (Linux 6.3, Documentation/userspace-api/mfd_noexec.rst) makes the
 * file impossible to execve(2), which this library never does; mapping it is not affected.
 * Older kernels refuse the unknown flag with EINVAL.
 */
static int create(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("trampfd-slots", flags | MFD_NOEXEC_SEAL);

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("trampfd-slots", flags);
    return fd;
}

/* 0 or a positive errno.  Beyond RLIMIT_FSIZE the kernel would send SIGXFSZ. */
static int fill(int fd)
{
    struct rlimit limit;

    if (!getrlimit(RLIMIT_FSIZE, &limit) && limit.rlim_cur < TFD_CODE_BYTES)
        return EFBIG;
    for (size_t done = 0; done < TFD_CODE_BYTES;) {
        ssize_t put = write(fd, tfd_slots + done, TFD_CODE_BYTES - done);

        if (put < 0 && errno != EINTR)
            return errno;
        if (put > 0)
            done += (size_t)put;
    }
    return 0;
}

int tfd_source_memfd(struct tfd_span *span, struct trampfd_trail *trail)
{
    int fd = create();
    int error;

    if (fd < 0)
        return tfd_trail_add(trail, source, "memfd_create", errno);
    error = fill(fd);
    if (error)
        error = tfd_trail_add(trail, source, "write the slots", error);
    else if (fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL))
        error = tfd_trail_add(trail, source, "seal", errno);
    else
        error = tfd_span_map(span, fd, 0, source, trail);
    close(fd);
    return error;
}
