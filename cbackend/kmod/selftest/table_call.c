// SPDX-License-Identifier: GPL-2.0-only
/* TRAMPFD_TABLE: calling slots, and what fork makes of them. */
#define _GNU_SOURCE
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#ifndef PR_SET_MDWE
#define PR_SET_MDWE 65
#endif

typedef uint64_t target(void);

static uint64_t call_slot(const struct table *table, unsigned int i)
{
	return ((target *)slot(table, i))();
}

static void all_slots(void)
{
	static struct trampfd_record records[TRAMPFD_MAX_SLOTS], back[TRAMPFD_MAX_SLOTS];
	struct table table = open_table(TRAMPFD_MAX_SLOTS);

	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i++) {
		records[i].entry = (uintptr_t)(i % 3 ? return_chain : return_chain_again);
		for (unsigned int j = 0; j < ARRAY_SIZE(records[i].words); j++)
			records[i].words[j] = i * 16 + j;
	}
	/* All at once; then back through the descriptor and through the mapping. */
	CHECK(set_records(table.fd, 0, records, TRAMPFD_MAX_SLOTS) == 0);
	CHECK(read_records(table.fd, 0, back, TRAMPFD_MAX_SLOTS) == sizeof(back));
	CHECK(!memcmp(records, back, sizeof(records)));
	CHECK(!memcmp(records, record(&table, 0), sizeof(records)));
	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i++)
		CHECK(call_slot(&table, i) == (uintptr_t)record(&table, i));
	close_table(&table);
}

static void slot_code(void)
{
	struct table table = open_table(1);

	for (unsigned int i = 0; i < TRAMPFD_MAX_SLOTS; i++)
		CHECK(slot_leads_to(slot(&table, i), record(&table, i)));
	close_table(&table);
}

static void only_the_chain_changes(void)
{
	struct table table = open_table(TRAMPFD_MAX_SLOTS);

	CHECK(set_entry(table.fd, 77, capture) == 0);
	call_captured(slot(&table, 77), NULL);
	for (unsigned int i = 0; i < CAPTURED_SP; i++)
		if (i == CAPTURED_CHAIN)
			CHECK(captured[i] == (uintptr_t)record(&table, 77));
		else if (!(CAPTURED_SCRATCH & 1U << i))
			CHECK(captured[i] == poison_of(i));
	CHECK(captured[CAPTURED_SP] == entry_sp && captured_vector == poison_of(0));
	close_table(&table);
}

static void unused_slots(void)
{
	struct table table = open_table(10);

	CHECK(signal_of(call, slot(&table, 0)) == SIGSEGV && last_fault.pc == 0);
	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(call_slot(&table, 0) == (uintptr_t)record(&table, 0));
	CHECK(set_entry(table.fd, 0, NULL) == 0);
	CHECK(signal_of(call, slot(&table, 0)) == SIGSEGV && last_fault.pc == 0);
	/* Records are pages; a slot beyond nslots finds zeros or no record at all. */
	CHECK(signal_of(call, slot(&table, 10)) == SIGSEGV);
	CHECK(signal_of(call, slot(&table, TRAMPFD_MAX_SLOTS - 1)) == SIGSEGV);
	close_table(&table);
}

static void closed_and_mapped_twice(void)
{
	struct table table = open_table(100), second = table;

	second.base = map_table(table.fd);
	CHECK(second.base && second.base != table.base);
	CHECK(set_entry(table.fd, 5, return_chain) == 0);
	CHECK(call_slot(&table, 5) == (uintptr_t)record(&table, 5));
	CHECK(call_slot(&second, 5) == (uintptr_t)record(&second, 5));
	unmap_table(&table);
	CHECK(set_entry(table.fd, 6, return_chain) == 0);
	close(table.fd);
	CHECK(call_slot(&second, 5) == (uintptr_t)record(&second, 5));
	CHECK(call_slot(&second, 6) == (uintptr_t)record(&second, 6));
	unmap_table(&second);
}

static void dropped_pages_come_back(void)
{
	struct table table = open_table(100);

	CHECK(set_entry(table.fd, 99, return_chain) == 0);
	for (int i = 0; i < 10; i++) {
		CHECK(call_slot(&table, 99) == (uintptr_t)record(&table, 99));
		CHECK(madvise(table.base, TRAMPFD_CODE_SIZE, MADV_DONTNEED) == 0);
		CHECK(madvise(record(&table, 0), table.records_size, MADV_DONTNEED) == 0);
	}
	close_table(&table);
}

struct family {
	struct table table;
	int to_child[2], to_parent[2];
};

static void tell(int fd)
{
	CHECK(write(fd, "x", 1) == 1);
}

static void wait_for(int fd)
{
	char byte;

	CHECK(read(fd, &byte, 1) == 1);
}

static int child(void *argument)
{
	const struct family *family = argument;
	const struct table *table = &family->table;

	CHECK(call_slot(table, 0) == (uintptr_t)record(table, 0));
	wait_for(family->to_child[0]);
	/* The parent has emptied record 0 and filled record 1 in the meantime. */
	CHECK(call_slot(table, 0) == (uintptr_t)record(table, 0));
	CHECK(signal_of(call, slot(table, 1)) == SIGSEGV);
	CHECK(set_entry(table->fd, 2, return_chain) == 0);
	CHECK(call_slot(table, 2) == (uintptr_t)record(table, 2));
	CHECK(signal_of(store, record(table, 2)) == SIGSEGV);
	tell(family->to_parent[1]);
	return 0;
}

static void fork_copies(void)
{
	struct family family = { .table = open_table(100) };
	struct trampfd_record stored[3];
	pid_t pid;

	CHECK(pipe(family.to_child) == 0 && pipe(family.to_parent) == 0);
	CHECK(set_entry(family.table.fd, 0, return_chain) == 0);
	pid = start_child(child, &family);
	/* So that a child which dies ends the wait for it. */
	close(family.to_parent[1]);
	CHECK(set_entry(family.table.fd, 0, NULL) == 0);
	CHECK(set_entry(family.table.fd, 1, return_chain) == 0);
	tell(family.to_child[1]);
	wait_for(family.to_parent[0]);
	CHECK(end_of_child(pid) == 0);
	CHECK(read_records(family.table.fd, 0, stored, 3) == 192);
	CHECK(stored[0].entry == 0 && stored[1].entry == (uintptr_t)return_chain);
	CHECK(stored[2].entry == 0);
	CHECK(signal_of(call, slot(&family.table, 2)) == SIGSEGV);
	close(family.to_parent[0]);
	close(family.to_child[0]);
	close(family.to_child[1]);
	close_table(&family.table);
}

static int grandchild(void *argument)
{
	const struct table *table = argument;

	CHECK(call_slot(table, 50) == (uintptr_t)record(table, 50));
	return 0;
}

static int parent_of_grandchild(void *argument)
{
	const struct table *table = argument;

	close(table->fd);
	return in_child(grandchild, argument);
}

static void fork_of_fork(void)
{
	struct table table = open_table(TRAMPFD_MAX_SLOTS);

	CHECK(set_entry(table.fd, 50, return_chain) == 0);
	for (long i = repetitions(30); i >= 0; i--)
		CHECK(in_child(parent_of_grandchild, &table) == 0);
	close_table(&table);
}

static int call_in_child(void *argument)
{
	return call_slot(argument, 0) == 0;
}

static int map_more_in_child(void *argument)
{
	struct table table = *(struct table *)argument;

	table.base = map_table(table.fd);
	CHECK(table.base && call_slot(&table, 0) == (uintptr_t)record(&table, 0));
	unmap_table(argument);
	CHECK(call_slot(&table, 0) == (uintptr_t)record(&table, 0));
	return 0;
}

static void child_maps_and_unmaps(void)
{
	struct table table = open_table(100);

	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(in_child(map_more_in_child, &table) == 0);
	/* The user may keep the records from the child; then they are absent there. */
	CHECK(madvise(record(&table, 0), table.records_size, MADV_DONTFORK) == 0);
	CHECK(in_child(call_in_child, &table) == -SIGSEGV);
	CHECK(call_slot(&table, 0) == (uintptr_t)record(&table, 0));
	close_table(&table);
}

static int under_mdwe(void *argument)
{
	struct table table;

	(void)argument;
	if (prctl(PR_SET_MDWE, 1, 0, 0, 0) < 0) {
		printf("# PR_SET_MDWE: not in this kernel\n");
		return 0;
	}
	table = open_table(100);
	CHECK(set_entry(table.fd, 0, return_chain) == 0);
	CHECK(call_slot(&table, 0) == (uintptr_t)record(&table, 0));
	close_table(&table);
	return 0;
}

static void deny_write_execute(void)
{
	CHECK(in_child(under_mdwe, NULL) == 0);
}

int main(void)
{
	const struct test tests[] = {
		TEST(all_slots),
		TEST(slot_code),
		TEST(only_the_chain_changes),
		TEST(unused_slots),
		TEST(closed_and_mapped_twice),
		TEST(dropped_pages_come_back),
		TEST(fork_copies),
		TEST(fork_of_fork),
		TEST(child_maps_and_unmaps),
		TEST(deny_write_execute),
	};

	return run_tests(tests, ARRAY_SIZE(tests));
}
