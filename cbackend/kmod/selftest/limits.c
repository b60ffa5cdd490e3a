// SPDX-License-Identifier: GPL-2.0-only
/* Limits per user. Needs root, to set them and to become another user. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PARAMETERS "/sys/module/trampfd/parameters/"

static void set_parameter(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, value, strlen(value)) < 0) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	close(fd);
}

static int as_other_user(void *argument)
{
	int fd;

	(void)argument;
	if (setresuid(12345, 12345, 12345) < 0)
		return 2;
	fd = new_user();
	close(fd);
	return 0;
}

static void descriptors(void)
{
	struct trampfd_user args = {};
	int fds[5];

	set_parameter(PARAMETERS "max_user_descriptors", "5");
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		fds[i] = new_user();
	FAILS(create(TRAMPFD_USER, &args, sizeof(args)), EDQUOT);
	CHECK(in_child(as_other_user, NULL) == 0);
	close(fds[4]);
	fds[4] = new_user();
	FAILS(create(TRAMPFD_USER, &args, sizeof(args)), EDQUOT);
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++)
		close(fds[i]);
	set_parameter(PARAMETERS "max_user_descriptors", "65536");
}

static void pages(void)
{
	static struct trampfd_record records[TRAMPFD_MAX_SLOTS], back[TRAMPFD_MAX_SLOTS];
	int fd = new_table(TRAMPFD_MAX_SLOTS);

	set_parameter(PARAMETERS "max_user_pages", "3");
	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i++)
		records[i].entry = 0x1000;
	FAILS(set_records(fd, 0, records, 256), EDQUOT);
	CHECK(read_records(fd, 0, back, 256) > 0);
	for (unsigned int i = 0; i < 256; i++)
		CHECK(back[i].entry == 0);
	CHECK(set_records(fd, 0, records, 192) == 0);
	FAILS(set_records(fd, 192, records, 1), EDQUOT);
	set_parameter(PARAMETERS "max_user_pages", "65536");
	CHECK(set_records(fd, 0, records, TRAMPFD_MAX_SLOTS) == 0);
	close(fd);
}

static int touch_record(void *argument)
{
	load(record(argument, 0));
	return 0;
}

static int use_descriptor(void *argument)
{
	FAILS(set_entry(((struct table *)argument)->fd, 0, return_r10), EXDEV);
	return 0;
}

static void fork_without_pages(void)
{
	struct table table = open_table(64);

	CHECK(set_entry(table.fd, 0, return_r10) == 0);
	set_parameter(PARAMETERS "max_user_pages", "1");
	CHECK(in_child(touch_record, &table) == -SIGBUS);
	CHECK(in_child(use_descriptor, &table) == 0);
	CHECK(((uint64_t (*)(void))slot(&table, 0))() == (uintptr_t)record(&table, 0));
	set_parameter(PARAMETERS "max_user_pages", "65536");
	CHECK(in_child(touch_record, &table) == 0);
	close_table(&table);
}

static void touching_without_pages(void)
{
	struct table table = open_table(64);

	set_parameter(PARAMETERS "max_user_pages", "0");
	CHECK(signal_of(load, record(&table, 0)) == SIGBUS);
	set_parameter(PARAMETERS "max_user_pages", "65536");
	CHECK(signal_of(load, record(&table, 0)) == 0);
	close_table(&table);
}

int main(void)
{
	const struct test tests[] = {
		TEST(descriptors),
		TEST(pages),
		TEST(fork_without_pages),
		TEST(touching_without_pages),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
