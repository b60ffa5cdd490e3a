// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer of system calls: calls on memory, and what loads and stores it. */
#define _GNU_SOURCE
#include "syscalls.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/mempolicy.h>
#include <linux/userfaultfd.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* Newer than the headers this is compiled with. */
#ifndef SYS_mseal
#define SYS_mseal 462
#endif
#ifndef MADV_COLLAPSE
#define MADV_COLLAPSE 25
#endif

static long do_load(struct fuzzer *fuzzer)
{
	load(any_address(fuzzer));
	return 0;
}

static long do_store(struct fuzzer *fuzzer)
{
	store(any_address(fuzzer));
	return 0;
}

/*
 * Without MAP_GROWSDOWN: the kernel logs a trace when vmsplice() and the like would have to grow
 * such a mapping.
 */
static long do_map_memory(struct fuzzer *fuzzer)
{
	static const int flags[] = { MAP_PRIVATE, MAP_SHARED, MAP_PRIVATE | MAP_POPULATE };
	const struct range range = any_range(fuzzer);
	const int fixed = pick(fuzzer, 4) ? MAP_FIXED_NOREPLACE : MAP_FIXED;

	return mmap(range.start, range.size, PROT_READ | PROT_WRITE,
		    PICK(fuzzer, flags) | MAP_ANONYMOUS | fixed, -1, 0) == MAP_FAILED
		       ? -1
		       : 0;
}

static long do_munmap(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return munmap(range.start, range.size);
}

static long do_mremap(struct fuzzer *fuzzer)
{
	const struct range from = any_range(fuzzer), to = any_range(fuzzer);
	const size_t old_size = pick(fuzzer, 8) ? from.size : 0;
	const size_t new_size = pick(fuzzer, 2) ? from.size : to.size;
	const int flags = pick(fuzzer, (MREMAP_MAYMOVE | MREMAP_FIXED | MREMAP_DONTUNMAP) + 1);
	char *moved = mremap(from.start, old_size, new_size, flags, to.start);

	if (moved == MAP_FAILED)
		return -1;
	if (!in_places(moved))
		munmap(moved, new_size);
	return 0;
}

static long do_mprotect(struct fuzzer *fuzzer)
{
	static const int more[] = { 0, 0, 0, PROT_GROWSDOWN, PROT_GROWSUP };
	const struct range range = any_range(fuzzer);

	return mprotect(range.start, range.size, (int)pick(fuzzer, 8) | PICK(fuzzer, more));
}

static long do_pkey_mprotect(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);
	const int key = pick(fuzzer, 2) ? pkey_alloc(0, 0) : -1;
	const long result = pkey_mprotect(range.start, range.size, pick(fuzzer, 8), key);
	const int error = errno;

	if (key > 0)
		pkey_free(key);
	errno = error;
	return result;
}

/*
 * All advices but those that declare memory broken: the kernel would never use those pages again,
 * and pages of code are shared by all processes.
 */
static int any_advice(struct fuzzer *fuzzer)
{
	enum { LAST = MADV_COLLAPSE, GUARD_INSTALL = 102, GUARD_REMOVE = 103 };
	const int advice = pick(fuzzer, LAST + 5);

	if (advice <= LAST)
		return advice;
	return advice % 2 ? GUARD_INSTALL : GUARD_REMOVE;
}

static long do_madvise(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return madvise(range.start, range.size, any_advice(fuzzer));
}

static long do_process_madvise(struct fuzzer *fuzzer)
{
	static const int advices[] = { MADV_COLD, MADV_PAGEOUT, MADV_WILLNEED, MADV_COLLAPSE };
	const struct range range = any_range(fuzzer);
	const struct iovec vector = { .iov_base = range.start, .iov_len = range.size };
	const int pidfd = syscall(SYS_pidfd_open, getpid(), 0);
	const long result = syscall(SYS_process_madvise, pidfd, &vector, 1, PICK(fuzzer, advices),
				    0);
	const int error = errno;

	close(pidfd);
	errno = error;
	return result;
}

static long do_mbind(struct fuzzer *fuzzer)
{
	static const unsigned int flags[] = { 0, MPOL_MF_STRICT, MPOL_MF_MOVE, MPOL_MF_MOVE_ALL };
	const struct range range = any_range(fuzzer);
	const unsigned long nodes = pick(fuzzer, 3);

	return syscall(SYS_mbind, range.start, range.size, pick(fuzzer, 7), &nodes, 8,
		       PICK(fuzzer, flags));
}

static long do_migrate_pages(struct fuzzer *fuzzer)
{
	const unsigned long from = 1, to = 1 + pick(fuzzer, 2);

	return syscall(SYS_migrate_pages, 0, 8, &from, &to);
}

static long do_move_pages(struct fuzzer *fuzzer)
{
	const int nodes[8] = {};
	void *pages[ARRAY_SIZE(nodes)];
	int status[ARRAY_SIZE(nodes)];

	for (size_t i = 0; i < ARRAY_SIZE(pages); i++)
		pages[i] = any_address(fuzzer);
	return syscall(SYS_move_pages, 0, ARRAY_SIZE(pages), pages, pick(fuzzer, 3) ? nodes : NULL,
		       status, pick(fuzzer, 2) ? MPOL_MF_MOVE : MPOL_MF_MOVE_ALL);
}

static long do_mlock(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return pick(fuzzer, 2) ? mlock(range.start, range.size) : munlock(range.start, range.size);
}

static long do_mlock2(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return mlock2(range.start, range.size, pick(fuzzer, 3));
}

static long do_mincore(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return mincore(range.start, range.size, any_buffer(fuzzer));
}

static long do_msync(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return msync(range.start, range.size, pick(fuzzer, 8));
}

static long do_remap_file_pages(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);

	return remap_file_pages(range.start, range.size, 0, pick(fuzzer, 4), 0);
}

static void use_userfaultfd(struct fuzzer *fuzzer, int fd)
{
	const struct range range = any_range(fuzzer);
	struct uffdio_copy copy = {
		.dst = (uintptr_t)range.start,
		.src = (uintptr_t)any_address(fuzzer) & -4096UL,
		.len = 4096,
	};
	struct uffdio_zeropage zero = { .range = { (uintptr_t)range.start, range.size } };
	struct uffdio_continue minor = { .range = zero.range };
	struct uffdio_writeprotect protect = { .range = zero.range, .mode = pick(fuzzer, 4) };

	ioctl(fd, UFFDIO_COPY, &copy);
	ioctl(fd, UFFDIO_ZEROPAGE, &zero);
	ioctl(fd, UFFDIO_CONTINUE, &minor);
	ioctl(fd, UFFDIO_WRITEPROTECT, &protect);
}

/* With faults as signals, so that nobody has to answer them. */
static long do_userfaultfd(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);
	const int fd = syscall(SYS_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	struct uffdio_api api = { .api = UFFD_API, .features = UFFD_FEATURE_SIGBUS };
	struct uffdio_register region = {
		.range = { (uintptr_t)range.start, range.size },
		.mode = 1 + pick(fuzzer, 7),
	};
	long result;
	int error;

	if (fd < 0)
		return -1;
	result = ioctl(fd, UFFDIO_API, &api);
	if (!result)
		result = ioctl(fd, UFFDIO_REGISTER, &region);
	error = errno;
	use_userfaultfd(fuzzer, fd);
	close(fd);
	errno = error;
	return result;
}

static long do_mseal(struct fuzzer *fuzzer)
{
	const struct range range = sealable_range(fuzzer);

	return syscall(SYS_mseal, range.start, range.size, 0);
}

static const struct kind kinds[] = {
	{ .name = "load", .call = do_load },
	{ .name = "store", .call = do_store },
	{ .name = "mmap of memory", .call = do_map_memory },
	{ .name = "munmap", .call = do_munmap },
	{ .name = "mremap", .call = do_mremap },
	{ .name = "mprotect", .call = do_mprotect },
	{ .name = "pkey_mprotect", .call = do_pkey_mprotect },
	{ .name = "madvise", .call = do_madvise },
	{ .name = "process_madvise", .call = do_process_madvise },
	{ .name = "mbind", .call = do_mbind },
	{ .name = "migrate_pages", .call = do_migrate_pages },
	{ .name = "move_pages", .call = do_move_pages },
	{ .name = "mlock, munlock", .call = do_mlock },
	{ .name = "mlock2", .call = do_mlock2 },
	{ .name = "mincore", .call = do_mincore },
	{ .name = "msync", .call = do_msync },
	{ .name = "remap_file_pages", .call = do_remap_file_pages },
	{ .name = "userfaultfd", .call = do_userfaultfd },
	{ .name = "mseal", .call = do_mseal, .since = KERNEL(6, 10), .why = "Linux 6.10 has it" },
};

const struct kinds memory_kinds = { kinds, ARRAY_SIZE(kinds), 19 };
