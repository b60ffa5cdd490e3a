/* SPDX-License-Identifier: MIT */
#define _GNU_SOURCE
#include "sealed_file.h"

#include "base/trail.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 0x0008U /* since Linux 6.3 */
#endif

/* Programs that close or reopen descriptors by number use small ones. */
#define LOWEST_DESCRIPTOR 100

static const char source[] = "sealed file";

static int create(void)
{
    unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    int fd = memfd_create("trampfd-records", flags | MFD_NOEXEC_SEAL);
    int high;

    if (fd < 0 && errno == EINVAL)
        fd = memfd_create("trampfd-records", flags);
    if (fd < 0)
        return fd;
    high = fcntl(fd, F_DUPFD_CLOEXEC, LOWEST_DESCRIPTOR);
    if (high < 0)
        return fd;
    close(fd);
    return high;
}

static int set_mark(struct tfd_sealed_file *file)
{
    uint64_t random;

    if (getrandom(&random, sizeof(random), GRND_NONBLOCK) != sizeof(random))
        random = (uintptr_t)file ^ (uint64_t)getpid() << 32;
    file->mark = (off_t)(random >> (66 - 8 * sizeof(off_t)) | 1);
    return lseek(file->fd, file->mark, SEEK_SET) == file->mark ? 0 : -errno;
}

int tfd_sealed_file_create(struct tfd_sealed_file *file, struct trampfd_trail *trail)
{
    int error;

    file->fd = create();
    if (file->fd < 0)
        return tfd_trail_add(trail, source, "memfd_create", errno);
    error = set_mark(file);
    if (!error && fcntl(file->fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL))
        error = -errno;
    if (!error)
        return 0;
    close(file->fd);
    file->fd = -1;
    return tfd_trail_add(trail, source, "lseek, seal", -error);
}

static int is_ours(const struct tfd_sealed_file *file)
{
    return file->fd >= 0 && lseek(file->fd, 0, SEEK_CUR) == file->mark;
}

/* getrlimit(3) asks for more than this, and takes twice as long. */
static int get_limit(struct rlimit *limit)
{
#ifdef SYS_getrlimit
    return (int)syscall(SYS_getrlimit, RLIMIT_FSIZE, limit);
#else
    return getrlimit(RLIMIT_FSIZE, limit);
#endif
}

static int may_reach(off_t end)
{
    struct rlimit limit;

    return get_limit(&limit) || limit.rlim_cur >= (rlim_t)end;
}

static int check(const struct tfd_sealed_file *file, off_t end)
{
    if (!is_ours(file))
        return -EBADF;
    return may_reach(end) ? 0 : -EFBIG;
}

int tfd_sealed_file_map(const struct tfd_sealed_file *file, void *start, size_t size,
                        off_t position)
{
    int error = check(file, position + (off_t)size);
    char path[40];
    void *mapped;
    int fd;

    if (error)
        return error;
    if (ftruncate(file->fd, position + (off_t)size))
        return -errno;
    snprintf(path, sizeof(path), "/proc/self/fd/%d", file->fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -errno;
    mapped = mmap(start, size, PROT_READ, MAP_SHARED | MAP_FIXED, fd, position);
    error = mapped == MAP_FAILED ? -errno : 0;
    close(fd);
    return error;
}

int tfd_sealed_file_write(const struct tfd_sealed_file *file, const void *data, size_t size,
                          off_t position)
{
    int error = check(file, position + (off_t)size);
    ssize_t done;

    if (error)
        return error;
    do
        done = pwrite(file->fd, data, size, position);
    while (done < 0 && errno == EINTR);
    if (done < 0)
        return -errno;
    return (size_t)done == size ? 0 : -EIO;
}

void tfd_sealed_file_drop(const struct tfd_sealed_file *file, off_t position, size_t size)
{
    if (is_ours(file))
        fallocate(file->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, position, (off_t)size);
}

void tfd_sealed_file_close(struct tfd_sealed_file *file)
{
    if (is_ours(file))
        close(file->fd);
    file->fd = -1;
}
