// SPDX-License-Identifier: GPL-2.0-only
/* What makes a trampoline final: frozen records and contexts, sealed mappings; and attaching. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

typedef uint64_t target(void);

static int freeze(int fd, unsigned int first, unsigned int n)
{
	struct trampfd_freeze range = { .first = first, .n = n };

	return ioctl(fd, TRAMPFD_IOC_FREEZE, &range);
}

static void frozen_records(void)
{
	struct trampfd_record records[8] = {}, back[8];
	struct table table = open_table(100);

	for (unsigned int i = 0; i < 8; i++)
		records[i].entry = (uintptr_t)return_chain;
	CHECK(set_records(table.fd, 0, records, 8) == 0);
	CHECK(freeze(table.fd, 2, 3) == 0);
	CHECK(freeze(table.fd, 4, 1) == 0);
	for (unsigned int i = 0; i < 8; i++) {
		if (i >= 2 && i < 5)
			FAILS(set_entry(table.fd, i, NULL), EPERM);
		else
			CHECK(set_entry(table.fd, i, return_chain_again) == 0);
	}
	/* Words count too, and one frozen record refuses the whole range. */
	records[2].words[6] = 1;
	FAILS(set_records(table.fd, 2, &records[2], 1), EPERM);
	FAILS(set_records(table.fd, 0, records, 3), EPERM);
	FAILS(set_records(table.fd, 4, records, 4), EPERM);
	CHECK(read_records(table.fd, 0, back, 8) == sizeof(back));
	for (unsigned int i = 0; i < 8; i++) {
		CHECK(back[i].entry ==
		      (uintptr_t)(i >= 2 && i < 5 ? return_chain : return_chain_again));
		CHECK(((target *)slot(&table, i))() == (uintptr_t)record(&table, i));
	}
	/* An empty one is final as well. */
	CHECK(freeze(table.fd, 99, 1) == 0);
	FAILS(set_entry(table.fd, 99, return_chain), EPERM);
	close_table(&table);
}

static void freeze_misuse(void)
{
	static const struct {
		unsigned int first, n;
	} ranges[] = {
		{ 0, 0 }, { 0, 101 }, { 100, 1 }, { 99, 2 }, { ~0u, 1 }, { ~0u, 2 }, { 1, ~0u },
	};
	int table = new_table(100), user = new_user();

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		FAILS(freeze(table, ranges[i].first, ranges[i].n), EINVAL);
		FAILS(freeze(user, ranges[i].first, ranges[i].n), EINVAL);
	}
	FAILS(freeze(user, 0, 2), EINVAL);
	FAILS(ioctl(table, TRAMPFD_IOC_FREEZE, bad_pointer), EFAULT);
	CHECK(set_entry(table, 0, return_chain) == 0);
	close(table);
	close(user);
}

static int freeze_in_child(void *argument)
{
	struct table *table = argument;

	FAILS(set_entry(table->fd, 0, NULL), EPERM);
	CHECK(set_entry(table->fd, 1, NULL) == 0);
	CHECK(freeze(table->fd, 1, 1) == 0);
	FAILS(set_entry(table->fd, 1, return_chain), EPERM);
	return 0;
}

static int freeze_without_records(void *argument)
{
	FAILS(freeze(*(int *)argument, 0, 1), EXDEV);
	return 0;
}

static void frozen_in_children(void)
{
	struct table table = open_table(100);
	int unmapped = new_table(100), user = new_user();

	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(freeze(table.fd, 0, 1) == 0);
	CHECK(in_child(freeze_in_child, &table) == 0);
	CHECK(set_entry(table.fd, 1, return_chain) == 0);
	CHECK(in_child(freeze_without_records, &unmapped) == 0);
	CHECK(in_child(freeze_without_records, &user) == 0);
	CHECK(set_stack(user, 0, 0, "x", 1) == 0);
	close(user);
	close(unmapped);
	close_table(&table);
}

static void frozen_contexts(void)
{
	const struct trampfd_reg regs[] = {
		{ .name = CPU_CHAIN, .value = 5 },
		{ .name = CPU_PC, .value = (uintptr_t)return_chain },
	};
	int fd = new_user();
	target *address = map_user(fd);

	CHECK(set_regs(fd, regs, 2) == 0);
	CHECK(freeze(fd, 0, 1) == 0);
	CHECK(freeze(fd, 0, 1) == 0);
	FAILS(set_regs(fd, regs, 2), EPERM);
	FAILS(set_regs(fd, regs, 0), EPERM);
	FAILS(set_stack(fd, 0, 0, "x", 1), EPERM);
	FAILS(set_stack(fd, 0, 0, "x", 0), EPERM);
	CHECK(address() == 5);
	munmap(address, 4096);
	close(fd);
}

static void stays(char *start, size_t size)
{
	FAILS(munmap(start, size), EPERM);
	FAILS(munmap(start, 4096), EPERM);
	FAILS(munmap(start - 4096, size + 8192), EPERM);
	FAILS(mprotect(start, size, PROT_READ), EACCES); /* as without a seal */
	FAILS(mprotect(start, size, PROT_NONE), EACCES);
	FAILS(mremap(start, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, start + (1 << 24)), EPERM);
	FAILS(mmap(start, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
	FAILS(mmap(start, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EPERM);
}

/* In a child, whose end takes away what cannot be unmapped. */
static int use_sealed(void *argument)
{
	const struct trampfd_reg pc = { .name = CPU_PC, .value = (uintptr_t)return_chain };
	struct table table;
	char *address;
	int user;

	(void)argument;
	create_flags = TRAMPFD_SEALED;
	table = open_table(4096);
	user = new_user();
	address = map_user(user);
	stays(table.base, TRAMPFD_CODE_SIZE);
	stays(table.base + TRAMPFD_RECORDS_OFFSET, table.records_size);
	stays(address, 4096);
	/* Sealing is about the place: what is stored may change. */
	CHECK(set_entry(table.fd, 7, return_chain) == 0);
	CHECK(((target *)slot(&table, 7))() == (uintptr_t)record(&table, 7));
	CHECK(set_regs(user, &pc, 1) == 0);
	((target *)address)();
	return 0;
}

static void sealed_mappings(void)
{
	struct trampfd_user args = {};

	if (features() & TRAMPFD_FEATURE_SEALED) {
		CHECK(in_child(use_sealed, NULL) == 0);
		return;
	}
	create_flags = TRAMPFD_SEALED;
	FAILS(create(TRAMPFD_USER, &args, sizeof(args)), EOPNOTSUPP);
	create_flags = 0;
	skip("this kernel cannot seal");
}

static int attach(void *address)
{
	struct trampfd_attach args = { .address = (uintptr_t)address };
	int device = open_device();
	int fd = ioctl(device, TRAMPFD_IOC_ATTACH, &args);
	int saved = errno;

	close(device);
	errno = saved;
	return fd;
}

static uint64_t number(int fd)
{
	uint64_t id = 0;

	CHECK(ioctl(fd, TRAMPFD_IOC_ID, &id) == 0);
	return id;
}

static int attach_in_child(void *argument)
{
	struct table *table = argument;
	int fd;

	close(table->fd);
	fd = attach(table->base);
	CHECK(set_entry(fd, 1, return_chain) == 0);
	CHECK(((target *)slot(table, 1))() == (uintptr_t)record(table, 1));
	return 0;
}

static void descriptors_of_mappings(void)
{
	struct trampfd_attach args = { .reserved = 1 };
	struct table table = open_table(100);
	uint64_t id = number(table.fd);
	int device = open(TRAMPFD_DEVICE, O_RDONLY | O_CLOEXEC);

	FAILS(ioctl(device, TRAMPFD_IOC_ATTACH, &args), EBADF);
	close(device);
	device = open_device();
	FAILS(ioctl(device, TRAMPFD_IOC_ATTACH, &args), EINVAL);
	FAILS(ioctl(device, TRAMPFD_IOC_ATTACH, bad_pointer), EFAULT);
	close(device);
	FAILS(attach(NULL), ENOENT);
	FAILS(attach(&table), ENOENT);
	FAILS(attach((void *)~0UL), ENOENT);

	close(table.fd);
	table.fd = attach(table.base + 100);
	CHECK(table.fd >= 0 && number(table.fd) == id);
	CHECK(fcntl(table.fd, F_GETFD) == FD_CLOEXEC);
	close(table.fd);
	table.fd = attach(record(&table, 99));
	CHECK(number(table.fd) == id);
	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(((target *)slot(&table, 0))() == (uintptr_t)record(&table, 0));
	CHECK(in_child(attach_in_child, &table) == 0);
	CHECK(signal_of(call, slot(&table, 1)) == SIGSEGV);
	close_table(&table);
}

/* Its records are lost with their last mapping, so it is not given up for a new one. */
static void mapped_over_itself(void)
{
	struct table table = open_table(100), other = open_table(100);
	char *records = (char *)record(&table, 0);

	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	FAILS(mmap(records, table.records_size, PROT_READ, MAP_PRIVATE | MAP_FIXED, table.fd,
		   TRAMPFD_RECORDS_OFFSET),
	      EBUSY);
	FAILS(mmap(table.base, TRAMPFD_CODE_SIZE, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_FIXED,
		   table.fd, TRAMPFD_CODE_OFFSET),
	      EBUSY);
	CHECK(((target *)slot(&table, 0))() == (uintptr_t)record(&table, 0));
	/* Another one may take its place. */
	CHECK(set_entry(other.fd, 1, return_chain) == 0);
	CHECK(mmap(records, table.records_size, PROT_READ, MAP_PRIVATE | MAP_FIXED, other.fd,
		   TRAMPFD_RECORDS_OFFSET) == records);
	CHECK(((target *)slot(&table, 1))() == (uintptr_t)record(&table, 1));
	close_table(&other);
	close_table(&table);
}

int main(void)
{
	const struct test tests[] = {
		TEST(frozen_records),
		TEST(freeze_misuse),
		TEST(frozen_in_children),
		TEST(frozen_contexts),
		TEST_OF_SMALL_PAGES(sealed_mappings),
		TEST(descriptors_of_mappings),
		TEST(mapped_over_itself),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
