// SPDX-License-Identifier: GPL-2.0-only
/* Unloading the module while it is used, and loading it again. TRAMPFD_KO names its file. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

typedef uint64_t target(void);

static int unload(void)
{
	return syscall(SYS_delete_module, "trampfd", O_NONBLOCK);
}

static void load_again(void)
{
	const char *path = getenv("TRAMPFD_KO");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;

	if (fd < 0 || syscall(SYS_finit_module, fd, "", 0) < 0) {
		perror("TRAMPFD_KO does not name a module that can be loaded");
		exit(EXIT_FAILURE);
	}
	close(fd);
}

/* The last reference is dropped a moment after close(2) returns. */
static int unload_soon(void)
{
	for (int i = 0; i < 100; i++) {
		if (!unload())
			return 0;
		usleep(10000);
	}
	return -1;
}

static void in_use_by_device(void)
{
	int device = open_device();

	FAILS(unload(), EWOULDBLOCK);
	close(device);
	CHECK(unload_soon() == 0);
	FAILS(open(TRAMPFD_DEVICE, O_RDWR), ENOENT);
	load_again();
	close(open_device());
}

static void in_use_by_descriptor(void)
{
	int fds[] = { new_user(), new_table(64) };

	for (int i = 0; i < 2; i++) {
		FAILS(unload(), EWOULDBLOCK);
		close(fds[i]);
	}
	CHECK(unload_soon() == 0);
	load_again();
}

static void in_use_by_mapping(void)
{
	const struct trampfd_reg regs[] = {
		{ .name = CPU_CHAIN, .value = 5 },
		{ .name = CPU_PC, .value = (uintptr_t)return_chain },
	};
	struct table table = open_table(64);
	int user = new_user();
	target *address = map_user(user);

	CHECK(set_regs(user, regs, 2) == 0);
	CHECK(set_entry(table.fd, 1, return_chain) == 0);
	close(user);
	close(table.fd);
	FAILS(unload(), EWOULDBLOCK);
	CHECK(address() == 5);
	munmap(address, 4096);
	FAILS(unload(), EWOULDBLOCK);
	CHECK(((target *)slot(&table, 1))() == (uintptr_t)record(&table, 1));
	/* Code alone keeps the module too. */
	munmap(record(&table, 0), table.records_size);
	FAILS(unload(), EWOULDBLOCK);
	munmap(table.base, TRAMPFD_CODE_SIZE);
	CHECK(unload_soon() == 0);
	load_again();
}

static void again_and_again(void)
{
	for (long i = repetitions(50); i >= 0; i--) {
		struct table table = open_table(4096);

		CHECK(set_entry(table.fd, 4095, return_chain) == 0);
		CHECK(((target *)slot(&table, 4095))() == (uintptr_t)record(&table, 4095));
		close_table(&table);
		CHECK(unload_soon() == 0);
		load_again();
	}
}

int main(void)
{
	const struct test tests[] = {
		TEST(in_use_by_device),
		TEST(in_use_by_descriptor),
		TEST(in_use_by_mapping),
		TEST(again_and_again),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
