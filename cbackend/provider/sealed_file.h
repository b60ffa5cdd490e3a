/* SPDX-License-Identifier: MIT */
/*
 * A file in memory whose mappings can be read and never written: each is made by way of a second
 * descriptor, which was opened for reading only, so that the kernel refuses to make it writable
 * (mprotect(2), EACCES), and refuses stores by /proc/self/mem and process_vm_writev(2).  Stores are
 * pwrite(2) calls with the first descriptor.
 */
#ifndef TFD_SEALED_FILE_H
#define TFD_SEALED_FILE_H

#include "trampfd.h"

#include <sys/types.h>

/*
 * Programs close descriptors that they do not know, and open others with the same number.  A random
 * position of the file, which nothing here uses, tells that the descriptor is still ours.
 */
struct tfd_sealed_file {
    int fd; /* -1: none */
    off_t mark;
};

/* Each returns 0 or a negative errno; the first with the failed attempt on the trail. */
int tfd_sealed_file_create(struct tfd_sealed_file *file, struct trampfd_trail *trail);

/* Map `size` bytes at `position` in the place of what is mapped at `start`; the file grows. */
int tfd_sealed_file_map(const struct tfd_sealed_file *file, void *start, size_t size,
                        off_t position);

/*
 * -EBADF: the descriptor is not ours.  -EFBIG: RLIMIT_FSIZE is too low; the kernel would send
 * SIGXFSZ.
 */
int tfd_sealed_file_write(const struct tfd_sealed_file *file, const void *data, size_t size,
                          off_t position);

/* Give the memory of these bytes back. */
void tfd_sealed_file_drop(const struct tfd_sealed_file *file, off_t position, size_t size);

/* Close the descriptor, if it is still ours. */
void tfd_sealed_file_close(struct tfd_sealed_file *file);

#endif
