/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sealed.h"

#include "lock.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

void tfd_seal(void *sealed)
{
    int saved = errno;

    mprotect(sealed, TFD_PORT_PAGE_MAX, PROT_READ);
    errno = saved;
}

int tfd_sealed_store(void *sealed, const void *value, size_t size)
{
    int error = 0;

    tfd_lock();
    if (memcmp(sealed, value, size)) {
        error = mprotect(sealed, TFD_PORT_PAGE_MAX, PROT_READ | PROT_WRITE) ? -errno : 0;
        if (!error) {
            memcpy(sealed, value, size);
            tfd_seal(sealed);
        }
    }
    tfd_unlock();
    return error;
}
