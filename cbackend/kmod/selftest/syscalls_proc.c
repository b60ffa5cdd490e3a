// SPDX-License-Identifier: GPL-2.0-only
/* The fuzzer of system calls: what /proc tells of trampolines, and lets be done with them. */
#define _GNU_SOURCE
#include "syscalls.h"
#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* Opens a file of this process or the one that made it. */
static int open_proc(struct fuzzer *fuzzer, const char *name, int flags)
{
	const pid_t pid = fuzzer->depth && pick(fuzzer, 2) ? getppid() : getpid();
	char path[128];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return open(path, flags | O_CLOEXEC);
}

static long read_proc(struct fuzzer *fuzzer, const char *name)
{
	const int fd = open_proc(fuzzer, name, O_RDONLY);
	long n, result = fd < 0 ? -1 : 0;
	int error;

	for (n = 1; fd >= 0 && n > 0; result = n < 0 ? -1 : result + n)
		n = read(fd, fuzzer->scratch, sizeof(fuzzer->scratch));
	error = errno;
	if (fd >= 0)
		close(fd);
	errno = error;
	return result;
}

static long do_maps(struct fuzzer *fuzzer)
{
	return read_proc(fuzzer, "maps");
}

static long do_smaps(struct fuzzer *fuzzer)
{
	return read_proc(fuzzer, pick(fuzzer, 2) ? "smaps" : "smaps_rollup");
}

static long do_numa_maps(struct fuzzer *fuzzer)
{
	return read_proc(fuzzer, "numa_maps");
}

static long do_fdinfo(struct fuzzer *fuzzer)
{
	char name[32];

	snprintf(name, sizeof(name), "fdinfo/%d", any_descriptor(fuzzer));
	return read_proc(fuzzer, name);
}

/* A call on a file of /proc at an address; the file is closed. */
static long at_address(int fd, bool writes, void *buffer, size_t size, off_t position)
{
	const long result = writes ? pwrite(fd, buffer, size, position)
				   : pread(fd, buffer, size, position);
	const int error = errno;

	if (fd >= 0)
		close(fd);
	errno = error;
	return result;
}

static long do_pagemap(struct fuzzer *fuzzer)
{
	const uintptr_t page = (uintptr_t)any_address(fuzzer) / 4096;

	return at_address(open_proc(fuzzer, "pagemap", O_RDONLY), false, fuzzer->scratch,
			  8 * (1 + (size_t)pick(fuzzer, 96)), 8 * page);
}

static long do_mem_read(struct fuzzer *fuzzer)
{
	const struct range range = small_range(fuzzer);

	return at_address(open_proc(fuzzer, "mem", O_RDONLY), false, any_buffer(fuzzer), range.size,
			  (uintptr_t)range.start);
}

static long do_mem_write(struct fuzzer *fuzzer)
{
	const struct range range = small_range(fuzzer);

	return at_address(open_proc(fuzzer, "mem", O_RDWR), true, any_buffer(fuzzer), range.size,
			  (uintptr_t)range.start);
}

static long do_clear_refs(struct fuzzer *fuzzer)
{
	char what[] = { '1' + pick(fuzzer, 5) };

	return at_address(open_proc(fuzzer, "clear_refs", O_WRONLY), true, what, 1, 0);
}

/* What the link leads to is the file of the mapping, opened by its inode. */
static long do_map_files(struct fuzzer *fuzzer)
{
	const struct range range = any_range(fuzzer);
	char name[80], path[96];
	int fd;

	snprintf(name, sizeof(name), "map_files/%lx-%lx", (unsigned long)range.start,
		 (unsigned long)range.start + range.size);
	fd = open_proc(fuzzer, name, O_RDONLY);
	if (fd >= 0)
		close(fd);
	snprintf(path, sizeof(path), "/proc/self/%s", name);
	return readlink(path, fuzzer->scratch, 4096);
}

static const struct kind kinds[] = {
	{ .name = "/proc/PID/maps", .call = do_maps },
	{ .name = "/proc/PID/smaps", .call = do_smaps },
	{ .name = "/proc/PID/numa_maps", .call = do_numa_maps },
	{ .name = "/proc/PID/fdinfo", .call = do_fdinfo },
	{ .name = "/proc/PID/pagemap", .call = do_pagemap },
	{ .name = "reads of /proc/PID/mem", .call = do_mem_read },
	{ .name = "writes to /proc/PID/mem", .call = do_mem_write },
	{ .name = "/proc/PID/clear_refs", .call = do_clear_refs },
	{ .name = "/proc/PID/map_files", .call = do_map_files },
};

const struct kinds proc_kinds = { kinds, ARRAY_SIZE(kinds), 5 };
