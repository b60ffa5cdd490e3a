/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "source.h"

#include "arch/port.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

int tfd_source_compare(int fd, off_t offset)
{
    char buffer[4096];

    for (size_t done = 0; done < TFD_CODE_BYTES;) {
        size_t want =
            TFD_CODE_BYTES - done < sizeof(buffer) ? TFD_CODE_BYTES - done : sizeof(buffer);
        ssize_t got = pread(fd, buffer, want, offset + (off_t)done);

        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return errno;
        if (got == 0 || memcmp(buffer, tfd_slots + done, (size_t)got))
            return ESTALE;
        done += (size_t)got;
    }
    return 0;
}
