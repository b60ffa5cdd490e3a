// SPDX-License-Identifier: GPL-2.0-only
/* Limits per user. Needs root, to set them and to become another user. */
#define _GNU_SOURCE
#include "test.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
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

static uint64_t call_slot(const struct table *table, unsigned int i)
{
	return ((uint64_t (*)(void))slot(table, i))();
}

static bool all_lead_to_their_records(const struct table *table)
{
	for (unsigned int i = 0; i < table->nslots; i++)
		if (call_slot(table, i) != (uintptr_t)record(table, i))
			return false;
	return true;
}

static struct table full_table(void)
{
	static struct trampfd_record records[TRAMPFD_MAX_SLOTS];
	struct table table = open_table(TRAMPFD_MAX_SLOTS);

	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i++)
		records[i].entry = (uintptr_t)return_chain;
	CHECK(set_records(table.fd, 0, records, TRAMPFD_MAX_SLOTS) == 0);
	return table;
}

static int write_in_child(void *argument)
{
	struct table *table = argument;

	CHECK(all_lead_to_their_records(table));
	FAILS(set_entry(table->fd, 70, NULL), EDQUOT);
	CHECK(all_lead_to_their_records(table));
	set_parameter(PARAMETERS "max_user_pages", "65");
	CHECK(set_entry(table->fd, 70, NULL) == 0);
	CHECK(signal_of(call, slot(table, 70)) == SIGSEGV);
	CHECK(set_entry(table->fd, 71, NULL) == 0);
	FAILS(set_entry(table->fd, 0, NULL), EDQUOT);
	CHECK(call_slot(table, 0) == (uintptr_t)record(table, 0));
	return 0;
}

/* A fork takes no page; who writes first gets one, and is told if there is none. */
static void fork_shares_pages(void)
{
	struct table table = full_table();

	set_parameter(PARAMETERS "max_user_pages", "64");
	CHECK(in_child(write_in_child, &table) == 0);
	CHECK(all_lead_to_their_records(&table));
	/* The child is gone, so the page is the parent's again. */
	set_parameter(PARAMETERS "max_user_pages", "0");
	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i += 64)
		CHECK(set_entry(table.fd, i, return_chain_again) == 0);
	CHECK(all_lead_to_their_records(&table));
	set_parameter(PARAMETERS "max_user_pages", "65536");
	close_table(&table);
}

static int stay_until_told(void *argument)
{
	struct table *table = ((struct table **)argument)[0];
	int *pipes = ((int **)argument)[1];
	char byte;

	close(pipes[1]);
	CHECK(read(pipes[0], &byte, 1) == 0);
	CHECK(all_lead_to_their_records(table));
	return 0;
}

/* The parent is the one that writes: its page moves away from under its calls. */
static void parent_writes(void)
{
	struct table table = full_table();
	int pipes[2];
	void *arguments[] = { &table, pipes };
	pid_t pid;

	CHECK(pipe(pipes) == 0 && all_lead_to_their_records(&table));
	pid = start_child(stay_until_told, arguments);
	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i++) {
		CHECK(set_entry(table.fd, i, NULL) == 0);
		CHECK(record(&table, i)->entry == 0);
	}
	CHECK(signal_of(call, slot(&table, 4095)) == SIGSEGV);
	close(pipes[0]);
	close(pipes[1]);
	CHECK(end_of_child(pid) == 0);
	close_table(&table);
}

static int write_as_other_user(void *argument)
{
	struct table *table = argument;

	CHECK(setresuid(12345, 12345, 12345) == 0);
	CHECK(set_entry(table->fd, 0, return_chain_again) == 0);
	return 0;
}

/* The pages of a child are its own affair, not that of who made the table. */
static void children_pay(void)
{
	struct table table = open_table(64);

	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	set_parameter(PARAMETERS "max_user_pages", "1");
	CHECK(in_child(write_as_other_user, &table) == 0);
	set_parameter(PARAMETERS "max_user_pages", "65536");
	close_table(&table);
}

static int with_little_memory(void *argument)
{
	const struct rlimit pages = { .rlim_cur = 2 * 4096, .rlim_max = 2 * 4096 };
	int fd;

	(void)argument;
	CHECK(setrlimit(RLIMIT_MEMLOCK, &pages) == 0);
	/* Who may lock memory is not limited. */
	fd = new_table(TRAMPFD_MAX_SLOTS);
	for (unsigned int i = 0; i < 3 * 64; i += 64)
		CHECK(set_entry(fd, i, return_chain) == 0);
	close(fd);
	CHECK(setresuid(12345, 12345, 12345) == 0);
	fd = new_table(TRAMPFD_MAX_SLOTS);
	CHECK(set_entry(fd, 0, return_chain) == 0 && set_entry(fd, 64, return_chain) == 0);
	FAILS(set_entry(fd, 128, return_chain), ENOMEM);
	CHECK(set_entry(fd, 1, return_chain) == 0);
	close(fd);
	fd = new_table(TRAMPFD_MAX_SLOTS);
	CHECK(set_entry(fd, 128, return_chain) == 0);
	close(fd);
	return 0;
}

static void pinned_memory(void)
{
	CHECK(in_child(with_little_memory, NULL) == 0);
}

static void touching_takes_no_page(void)
{
	struct table table = open_table(64);

	set_parameter(PARAMETERS "max_user_pages", "0");
	CHECK(signal_of(load, record(&table, 0)) == 0 && record(&table, 0)->entry == 0);
	FAILS(set_entry(table.fd, 0, return_chain), EDQUOT);
	set_parameter(PARAMETERS "max_user_pages", "65536");
	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(call_slot(&table, 0) == (uintptr_t)record(&table, 0));
	close_table(&table);
}

static int create_as(void *argument)
{
	struct trampfd_user args = {};
	int uid = *(int *)argument;

	CHECK(setresuid(uid, uid, uid) == 0);
	for (int i = 0; i < 2; i++)
		CHECK(create(TRAMPFD_USER, &args, sizeof(args)) >= 0);
	FAILS(create(TRAMPFD_USER, &args, sizeof(args)), EDQUOT);
	return 0;
}

/* As user 12345 in a namespace of its own, which has 3 descriptors and 10 further ids. */
static int in_namespace(void *argument)
{
	int *pipes = argument, ids[] = { 1, 2 }, root = open("/", O_PATH);
	char byte;

	/* Who is in a chroot may make none, and the virtual machine's tests are in one. */
	CHECK(root >= 0 && chroot("/proc/1/root") == 0);
	if (setresuid(12345, 12345, 12345) || unshare(CLONE_NEWUSER))
		_exit(77);
	CHECK(fchdir(root) == 0 && chroot(".") == 0);
	CHECK(write(pipes[1], "x", 1) == 1 && read(pipes[2], &byte, 1) == 1);
	for (int i = 0; i < 3; i++)
		new_user();
	CHECK(in_child(create_as, &ids[0]) == 0);
	CHECK(in_child(create_as, &ids[1]) == 0);
	return 0;
}

static void map_ids(pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/uid_map", pid);
	set_parameter(path, "0 12345 1\n1 20001 10\n");
}

static void user_namespaces(void)
{
	int pipes[4], status;
	char byte;
	pid_t pid;

	CHECK(pipe(pipes) == 0 && pipe(pipes + 2) == 0);
	set_parameter(PARAMETERS "max_user_descriptors", "5");
	pid = start_child(in_namespace, pipes);
	close(pipes[1]);
	if (read(pipes[0], &byte, 1) == 1) {
		map_ids(pid);
		CHECK(write(pipes[3], "x", 1) == 1);
	}
	status = end_of_child(pid);
	if (status == 77)
		skip("this kernel makes no user namespaces");
	else
		CHECK(status == 0);
	set_parameter(PARAMETERS "max_user_descriptors", "65536");
	for (int i = 0; i < 4; i++)
		if (i != 1)
			close(pipes[i]);
}

int main(void)
{
	const struct test tests[] = {
		TEST(descriptors),
		TEST_OF_SMALL_PAGES(pages),
		TEST_OF_SMALL_PAGES(fork_shares_pages),
		TEST(parent_writes),
		TEST(children_pay),
		TEST_OF_SMALL_PAGES(pinned_memory),
		TEST(touching_takes_no_page),
		TEST(user_namespaces),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
