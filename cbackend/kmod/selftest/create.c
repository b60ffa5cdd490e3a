// SPDX-License-Identifier: GPL-2.0-only
/* The device: query and creation, and every way of getting them wrong. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

static void query(void)
{
	struct trampfd_query q = {};
	int device = open_device();

	CHECK(ioctl(device, TRAMPFD_IOC_QUERY, &q) == 0);
	CHECK(q.version == TRAMPFD_VERSION && q.reserved == 0);
	CHECK((q.features & ~TRAMPFD_FEATURE_SEALED) ==
	      (TRAMPFD_FEATURE_USER | TRAMPFD_FEATURE_TABLE));
	CHECK(q.max_slots == 4096 && q.slot_size == 16 && q.record_size == 64);
	CHECK(q.displacement == 65536);
	close(device);
}

/* As a later version has it: longer, and zero where this kernel knows nothing. */
static void grown_arguments(void)
{
	struct {
		struct trampfd_query query;
		uint64_t more;
	} query = {};
	struct {
		struct trampfd_create create;
		uint64_t more;
	} create = {};
	struct {
		struct trampfd_user user;
		uint64_t more;
	} user = {};
	struct {
		struct trampfd_set_records set;
		uint64_t more;
	} records = { .set.n = 1 };
	struct trampfd_record record = { .entry = 0x1000 };
	const unsigned long grown_query = _IOWR(TRAMPFD_IOC_MAGIC, 0, query);
	const unsigned long grown_create = _IOW(TRAMPFD_IOC_MAGIC, 1, create);
	const unsigned long grown_records = _IOW(TRAMPFD_IOC_MAGIC, 7, records);
	int device = open_device(), table = new_table(1), fd;

	CHECK(ioctl(device, grown_query, &query) == 0 && query.query.version == TRAMPFD_VERSION);
	memset(&query, 0, sizeof(query));
	query.more = 1;
	FAILS(ioctl(device, grown_query, &query), E2BIG);
	FAILS(ioctl(device, _IOWR(TRAMPFD_IOC_MAGIC, 0, uint64_t), &query), EINVAL);

	create.create.type = TRAMPFD_USER;
	create.create.data = (uintptr_t)&user;
	create.create.data_size = sizeof(user);
	fd = ioctl(device, grown_create, &create);
	CHECK(fd >= 0);
	close(fd);
	user.more = 1;
	FAILS(ioctl(device, grown_create, &create), E2BIG);
	create.create.data_size = 4097;
	FAILS(ioctl(device, grown_create, &create), E2BIG);
	create.create.data_size = sizeof(user.user);
	create.more = 1;
	FAILS(ioctl(device, grown_create, &create), E2BIG);
	FAILS(ioctl(device, _IOW(TRAMPFD_IOC_MAGIC, 1, uint64_t), &create), EINVAL);

	records.set.records = (uintptr_t)&record;
	CHECK(ioctl(table, grown_records, &records) == 0);
	records.more = 1;
	FAILS(ioctl(table, grown_records, &records), E2BIG);
	FAILS(ioctl(table, _IOW(TRAMPFD_IOC_MAGIC, 7, uint64_t), &records), EINVAL);
	close(table);
	close(device);
}

static void read_only_device(void)
{
	struct trampfd_user user = {};
	struct trampfd_create args = {
		.type = TRAMPFD_USER,
		.data = (uintptr_t)&user,
		.data_size = sizeof(user),
	};
	struct trampfd_query q = {};
	int device = open(TRAMPFD_DEVICE, O_RDONLY | O_CLOEXEC);

	CHECK(ioctl(device, TRAMPFD_IOC_QUERY, &q) == 0);
	FAILS(ioctl(device, TRAMPFD_IOC_CREATE, &args), EBADF);
	close(device);
}

static void query_wants_zeros(void)
{
	int device = open_device();

	for (size_t i = 0; i < sizeof(struct trampfd_query); i++) {
		struct trampfd_query q = {}, before;

		((char *)&q)[i] = 1;
		before = q;
		FAILS(ioctl(device, TRAMPFD_IOC_QUERY, &q), EINVAL);
		CHECK(!memcmp(&q, &before, sizeof(q)));
	}
	FAILS(ioctl(device, TRAMPFD_IOC_QUERY, bad_pointer), EFAULT);
	FAILS(ioctl(device, TRAMPFD_IOC_QUERY, NULL), EFAULT);
	close(device);
}

static void query_into_read_only_memory(void)
{
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int device = open_device();

	FAILS(ioctl(device, TRAMPFD_IOC_QUERY, page), EFAULT);
	munmap(page, 4096);
	close(device);
}

static void numbers(void)
{
	int user = new_user(), table = new_table(1), copy = dup(user);
	uint64_t first = 0, second = 0, same = 0;

	CHECK(ioctl(user, TRAMPFD_IOC_ID, &first) == 0 && first);
	CHECK(ioctl(table, TRAMPFD_IOC_ID, &second) == 0 && second && second != first);
	CHECK(ioctl(copy, TRAMPFD_IOC_ID, &same) == 0 && same == first);
	FAILS(ioctl(user, TRAMPFD_IOC_ID, bad_pointer), EFAULT);
	FAILS(ioctl(user, TRAMPFD_IOC_ID, NULL), EFAULT);
	close(copy);
	close(table);
	close(user);
}

static void unknown_requests(void)
{
	int device = open_device(), user = new_user(), table = new_table(1);
	char buffer[64];

	FAILS(ioctl(user, TRAMPFD_IOC_SET_RECORDS, buffer), ENOTTY);
	FAILS(ioctl(table, TRAMPFD_IOC_SET_REGS, buffer), ENOTTY);
	FAILS(ioctl(table, TRAMPFD_IOC_SET_STACK, buffer), ENOTTY);
	FAILS(ioctl(device, TRAMPFD_IOC_SET_ALLOWED, buffer), ENOTTY);
	close(table);
	FAILS(ioctl(device, TRAMPFD_IOC_LOCK), ENOTTY);
	FAILS(ioctl(device, TRAMPFD_IOC_ID, buffer), ENOTTY);
	FAILS(ioctl(device, _IO(TRAMPFD_IOC_MAGIC, 99)), ENOTTY);
	FAILS(ioctl(user, TRAMPFD_IOC_QUERY, buffer), ENOTTY);
	FAILS(ioctl(user, TRAMPFD_IOC_CREATE, buffer), ENOTTY);
	poison(buffer, sizeof(buffer));
	FAILS(read(device, buffer, sizeof(buffer)), EINVAL);
	CHECK(poisoned(buffer, sizeof(buffer)));
	FAILS(write(device, buffer, sizeof(buffer)), EINVAL);
	FAILS(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, device, 0), ENODEV);
	close(user);
	close(device);
}

static struct trampfd_user user_args;
static struct trampfd_table table_args = { .nslots = 1 };

static void create_misuse(void)
{
	const struct trampfd_create good = {
		.type = TRAMPFD_USER,
		.data = (uintptr_t)&user_args,
		.data_size = sizeof(user_args),
	};
	const struct {
		size_t offset;
		size_t size;
		uint64_t value;
		int error;
	} cases[] = {
#define CASE(field, v, e) { offsetof(struct trampfd_create, field), sizeof(good.field), (v), (e) }
		CASE(flags, 2, EINVAL),
		CASE(flags, 0x80000000, EINVAL),
		CASE(reserved, 1, EINVAL),
		CASE(data, 0, EINVAL),
		CASE(data, 8, EFAULT),
		CASE(data, ~0ULL, EFAULT),
		CASE(type, TRAMPFD_NUM_TYPES, EINVAL),
		CASE(type, 0xffffffff, EINVAL),
		CASE(data_size, 0, EINVAL),
		CASE(data_size, 7, EINVAL),
		CASE(data_size, 0xffffffff, E2BIG),
		CASE(type, TRAMPFD_TABLE, EINVAL),
#undef CASE
	};
	int device = open_device();

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct trampfd_create args = good;

		memcpy((char *)&args + cases[i].offset, &cases[i].value, cases[i].size);
		FAILS(ioctl(device, TRAMPFD_IOC_CREATE, &args), cases[i].error);
	}
	FAILS(ioctl(device, TRAMPFD_IOC_CREATE, NULL), EFAULT);
	FAILS(ioctl(device, TRAMPFD_IOC_CREATE, bad_pointer), EFAULT);
	close(device);
}

static void creation_data_misuse(void)
{
	for (size_t i = 0; i < sizeof(struct trampfd_user); i++) {
		struct trampfd_user args = {};

		((char *)&args)[i] = 1;
		FAILS(create(TRAMPFD_USER, &args, sizeof(args)), EINVAL);
	}
	for (size_t i = 0; i < sizeof(struct trampfd_table); i++) {
		struct trampfd_table args = { .nslots = 64 };

		if (i >= offsetof(struct trampfd_table, nslots) &&
		    i < offsetof(struct trampfd_table, reserved))
			continue;
		((char *)&args)[i] = 1;
		FAILS(create(TRAMPFD_TABLE, &args, sizeof(args)), EINVAL);
	}
	const unsigned int counts[] = { 0, TRAMPFD_MAX_SLOTS + 1, 0x80000000, 0xffffffff };

	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		table_args.nslots = counts[i];
		FAILS(create(TRAMPFD_TABLE, &table_args, sizeof(table_args)), EINVAL);
	}
	table_args.nslots = 1;
}

static void descriptor(void)
{
	const struct {
		int fd;
		const char *type, *allowed, *contents;
	} cases[] = {
		{ new_user(), "type: TRAMPFD_USER\n", "allowed: 0 of 16\n",
		  "registers: not set\nstack data: not set\nfrozen: no\n" },
		{ new_table(7), "type: TRAMPFD_TABLE\n", "allowed: 0 of 256\n",
		  "slots: 7\naddress spaces: 1\nrecords: 0 set, 0 frozen\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[64], text[512] = "";
		int length, info;

		CHECK(fcntl(cases[i].fd, F_GETFD) == FD_CLOEXEC);
		CHECK((fcntl(cases[i].fd, F_GETFL) & O_ACCMODE) == O_RDWR);
		snprintf(path, sizeof(path), "/proc/self/fd/%d", cases[i].fd);
		length = readlink(path, text, sizeof(text) - 1);
		CHECK(length > 0 && !strcmp(text, "anon_inode:[trampfd]"));
		FAILS(open(path, O_RDONLY), ENXIO);
		FAILS(open(path, O_RDWR), EPERM);
		FAILS(pwrite(cases[i].fd, text, 64, 65536), EINVAL);
		snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", cases[i].fd);
		info = open(path, O_RDONLY);
		memset(text, 0, sizeof(text));
		CHECK(read(info, text, sizeof(text) - 1) > 0);
		CHECK(strstr(text, cases[i].type));
		CHECK(strstr(text, cases[i].allowed));
		CHECK(strstr(text, cases[i].contents));
		CHECK(strstr(text, "descriptors of its user: 2 of 65536\n"));
		CHECK(strstr(text, "pages of its user: 0 of 65536\n"));
		close(info);
	}
	close(cases[0].fd);
	close(cases[1].fd);
}

static void no_descriptor_left(void)
{
	struct rlimit old, none;
	struct trampfd_create args = {
		.type = TRAMPFD_TABLE,
		.data = (uintptr_t)&table_args,
		.data_size = sizeof(table_args),
	};
	int device = open_device();

	getrlimit(RLIMIT_NOFILE, &old);
	none = old;
	none.rlim_cur = device + 1;
	setrlimit(RLIMIT_NOFILE, &none);
	FAILS(ioctl(device, TRAMPFD_IOC_CREATE, &args), EMFILE);
	setrlimit(RLIMIT_NOFILE, &old);
	close(device);
}

int main(void)
{
	const struct test tests[] = {
		TEST(query),
		TEST(grown_arguments),
		TEST(read_only_device),
		TEST(query_wants_zeros),
		TEST(query_into_read_only_memory),
		TEST(numbers),
		TEST(unknown_requests),
		TEST(create_misuse),
		TEST(creation_data_misuse),
		TEST(descriptor),
		TEST(no_descriptor_left),
		TEST(caller_of_32_bits),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
