// SPDX-License-Identifier: GPL-2.0-only
/* TRAMPFD_TABLE: calls stay right while other threads write, map, fork, close and die. */
#define _GNU_SOURCE
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NSLOTS = 256 };

typedef uint64_t target(void);

struct shared {
	struct table table;
	volatile bool stop;
	long wrong, done[5];
};

static uint64_t call_slot(const struct table *table, unsigned int i)
{
	return ((target *)slot(table, i))();
}

/* The entries of all records change all the time, but each returns its record's address. */
static void *write_all_the_time(void *argument)
{
	static struct trampfd_record records[2][NSLOTS];
	struct shared *shared = argument;

	for (unsigned int i = 0; i < NSLOTS; i++) {
		records[0][i].entry = (uintptr_t)return_chain;
		records[1][i].entry = (uintptr_t)return_chain_again;
	}
	for (; !shared->stop; shared->done[0]++)
		shared->wrong += set_records(shared->table.fd, 0, records[shared->done[0] % 2],
					     NSLOTS) != 0;
	return NULL;
}

static void *call_all_the_time(void *argument)
{
	struct shared *shared = argument;
	const struct table *table = &shared->table;

	for (; !shared->stop; shared->done[1]++)
		shared->wrong += call_slot(table, shared->done[1] % NSLOTS) !=
				 (uintptr_t)record(table, shared->done[1] % NSLOTS);
	return NULL;
}

static void *map_all_the_time(void *argument)
{
	struct shared *shared = argument;
	struct table table = shared->table;

	for (; !shared->stop; shared->done[2]++) {
		table.base = map_table(shared->table.fd);
		shared->wrong += !table.base;
		if (!table.base)
			continue;
		shared->wrong += call_slot(&table, 200) != (uintptr_t)record(&table, 200);
		unmap_table(&table);
	}
	return NULL;
}

static void *drop_all_the_time(void *argument)
{
	struct shared *shared = argument;

	for (; !shared->stop; shared->done[3]++) {
		int copy = dup(shared->table.fd);

		madvise(record(&shared->table, 0), shared->table.records_size, MADV_DONTNEED);
		madvise(shared->table.base, TRAMPFD_CODE_SIZE, MADV_DONTNEED);
		close(copy);
	}
	return NULL;
}

static int child(void *argument)
{
	struct shared *shared = argument;
	const struct table *table = &shared->table;

	for (unsigned int i = 0; i < NSLOTS; i += 17)
		shared->wrong += call_slot(table, i) != (uintptr_t)record(table, i);
	for (unsigned int i = 0; i < NSLOTS; i += 31) {
		shared->wrong += set_entry(table->fd, i, return_chain) != 0;
		shared->wrong += call_slot(table, i) != (uintptr_t)record(table, i);
	}
	return shared->wrong != 0;
}

static void *(*const workers[])(void *) = {
	write_all_the_time,
	call_all_the_time,
	map_all_the_time,
	drop_all_the_time,
};

static void start_workers(struct shared *shared, pthread_t *threads)
{
	shared->table = open_table(NSLOTS);
	for (unsigned int i = 0; i < NSLOTS; i++)
		CHECK(set_entry(shared->table.fd, i, return_chain) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++)
		pthread_create(&threads[i], NULL, workers[i], shared);
}

static void all_together(void)
{
	pthread_t threads[ARRAY_SIZE(workers)];
	struct shared shared = {};

	start_workers(&shared, threads);
	for (long i = 0; i < repetitions(300); i++)
		CHECK(in_child(child, &shared) == 0);
	shared.stop = true;
	for (size_t i = 0; i < ARRAY_SIZE(workers); i++) {
		pthread_join(threads[i], NULL);
		CHECK(shared.done[i] > 0);
	}
	CHECK(shared.wrong == 0);
	close_table(&shared.table);
}

static int work_until_killed(void *argument)
{
	pthread_t threads[ARRAY_SIZE(workers)];
	static struct shared shared;

	(void)argument;
	start_workers(&shared, threads);
	for (;;)
		if (in_child(child, &shared))
			_exit(3);
}

/* Whatever the process was doing, the module must be left without a trace of it (run.sh looks). */
static void killed_in_the_middle(void)
{
	srand(1);
	for (long i = 0; i < repetitions(60); i++) {
		pid_t pid = start_child(work_until_killed, NULL);

		usleep(1000 * (rand() % 60));
		kill(pid, SIGKILL);
		CHECK(end_of_child(pid) == -SIGKILL);
	}
}

int main(void)
{
	const struct test tests[] = { TEST(all_together), TEST(killed_in_the_middle) };

	return run_tests(tests, ARRAY_SIZE(tests));
}
