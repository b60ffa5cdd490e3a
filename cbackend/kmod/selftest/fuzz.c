// SPDX-License-Identifier: GPL-2.0-only
/*
 * Random requests of both types from many threads of several processes on shared descriptors. No
 * result is wrong; the kernel must survive it in silence (the log tells) and keep nothing (run.sh).
 */
#define _GNU_SOURCE
#include "test.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { OBJECTS = 8, THREADS = 4, PROCESSES = 3 };

/* Racy on purpose: threads close and unmap what others are using. */
static struct {
	volatile int fd;
	void *volatile mapping;
	volatile size_t size;
} objects[OBJECTS];

struct state {
	unsigned int seed;
	unsigned char buffer[TRAMPFD_MAX_SLOTS * TRAMPFD_RECORD_SIZE];
};

static unsigned int pick(struct state *state, unsigned int below_this)
{
	return (unsigned int)rand_r(&state->seed) % below_this;
}

static off_t any_position(struct state *state)
{
	switch (pick(state, 4)) {
	case 0:
		return pick(state, 6);
	case 1:
		return TRAMPFD_RECORDS_OFFSET + 64 * (off_t)pick(state, 4100);
	case 2:
		return TRAMPFD_RECORDS_OFFSET + (off_t)pick(state, 300000);
	default:
		return (off_t)rand_r(&state->seed) << pick(state, 32);
	}
}

static size_t any_count(struct state *state)
{
	static const size_t counts[] = { 8, 16, 24, 40, 64, 128, 640, 648, 4096, 65536, 262144 };

	return pick(state, 3) ? counts[pick(state, ARRAY_SIZE(counts))] : pick(state, 300000);
}

static void *any_buffer(struct state *state)
{
	return pick(state, 16) ? state->buffer : (void *)(uintptr_t)rand_r(&state->seed);
}

/* Mostly sensible contents, so that more than the first check is reached. */
static void fill(struct state *state)
{
	struct trampfd_regs *regs = (void *)state->buffer;

	if (!pick(state, 4)) {
		for (size_t i = 0; i < 256; i++)
			state->buffer[i] = rand_r(&state->seed);
		return;
	}
	memset(state->buffer, 0, sizeof(state->buffer));
	if (pick(state, 2)) {
		regs->nregs = pick(state, 4);
		for (unsigned int i = 0; i < 3; i++)
			regs->regs[i] = (struct trampfd_reg){
				.name = CPU_PC - pick(state, 7),
				.value = (uintptr_t)return_chain,
			};
	} else {
		for (size_t i = 0; i < sizeof(state->buffer); i += 64)
			memcpy(state->buffer + i, &(uint64_t){ (uintptr_t)return_chain }, 8);
	}
}

static void make(struct state *state, unsigned int i)
{
	struct trampfd_user user = {};
	struct trampfd_table table = { .nslots = pick(state, 4098) };
	int old = objects[i].fd;

	objects[i].fd = pick(state, 2) ? create(TRAMPFD_USER, &user, sizeof(user))
				       : create(TRAMPFD_TABLE, &table, sizeof(table));
	if (old > 2)
		close(old);
}

static void attach(unsigned int i)
{
	struct trampfd_attach args = { .address = (uintptr_t)objects[i].mapping };
	int device = open_device();
	int fd = ioctl(device, TRAMPFD_IOC_ATTACH, &args);

	close(device);
	if (fd >= 0)
		close(fd);
}

static void map(struct state *state, unsigned int i)
{
	static const off_t offsets[] = { 0, 0, 65536, 65536, 4096 };
	static const size_t sizes[] = { 4096, 65536, 8192, 262144 };
	size_t size = sizes[pick(state, ARRAY_SIZE(sizes))];
	static const int prots[] = { PROT_READ, PROT_READ | PROT_EXEC, PROT_NONE };
	void *address = mmap(NULL, size, prots[pick(state, ARRAY_SIZE(prots))], MAP_PRIVATE,
			     objects[i].fd, offsets[pick(state, ARRAY_SIZE(offsets))]);

	if (address == MAP_FAILED)
		return;
	if (objects[i].mapping)
		munmap(objects[i].mapping, objects[i].size);
	objects[i].size = size;
	objects[i].mapping = address;
}

static void touch(struct state *state, unsigned int i)
{
	int pipes[2];

	if (pipe(pipes) < 0)
		return;
	/* The kernel reads the mapping: a fault there is EFAULT, not a signal. */
	if (objects[i].mapping && write(pipes[1], objects[i].mapping, 1) == 1)
		(void)!read(pipes[0], state->buffer, 1);
	close(pipes[0]);
	close(pipes[1]);
}

static void advise(struct state *state, unsigned int i)
{
	static const int advices[] = {
		MADV_DONTNEED, MADV_DONTFORK,	   MADV_DOFORK,		MADV_WILLNEED,	 MADV_COLD,
		MADV_PAGEOUT,  MADV_MERGEABLE,	   MADV_HUGEPAGE,	MADV_DODUMP,	 MADV_FREE,
		MADV_REMOVE,   MADV_POPULATE_READ, MADV_POPULATE_WRITE, MADV_WIPEONFORK,
	};
	void *mapping = objects[i].mapping;
	size_t size = pick(state, 2) ? objects[i].size : 4096;

	madvise(mapping, size, advices[pick(state, ARRAY_SIZE(advices))]);
	if (!pick(state, 8))
		mremap(mapping, size, pick(state, 2) ? size : 2 * size, MREMAP_MAYMOVE);
	if (!pick(state, 8))
		mprotect(mapping, size, pick(state, 8));
	if (!pick(state, 8))
		mlock(mapping, size);
}

static void set(struct state *state, int fd)
{
	static const unsigned long requests[] = {
		TRAMPFD_IOC_SET_REGS,
		TRAMPFD_IOC_SET_STACK,
		TRAMPFD_IOC_SET_ALLOWED,
	};
	struct trampfd_set_records records = {
		.first = pick(state, 4100),
		.n = pick(state, 2) ? 1 : pick(state, 4100),
		.records = (uintptr_t)any_buffer(state),
	};

	fill(state);
	if (!pick(state, 64))
		ioctl(fd, TRAMPFD_IOC_FREEZE, &(struct trampfd_freeze){ pick(state, 4100), 1 });
	else if (pick(state, 2))
		ioctl(fd, TRAMPFD_IOC_SET_RECORDS, &records);
	else
		set_bytes(fd, requests[pick(state, ARRAY_SIZE(requests))], any_buffer(state),
			  any_count(state));
}

static void one_request(struct state *state)
{
	unsigned int i = pick(state, OBJECTS);

	switch (pick(state, 11)) {
	case 10:
		attach(i);
		break;
	case 0:
		make(state, i);
		break;
	case 1:
		map(state, i);
		break;
	case 2:
		if (objects[i].mapping)
			munmap(objects[i].mapping, objects[i].size);
		break;
	case 3:
		ioctl(objects[i].fd, TRAMPFD_IOC_LOCK);
		break;
	case 4:
		advise(state, i);
		break;
	case 5:
		touch(state, i);
		break;
	case 6:
		lseek(objects[i].fd, any_position(state), pick(state, 3));
		break;
	case 7:
		(void)!pread(objects[i].fd, any_buffer(state), any_count(state),
			     any_position(state));
		break;
	default:
		set(state, objects[i].fd);
	}
}

static void *request_all_the_time(void *argument)
{
	struct state *state = calloc(1, sizeof(*state));
	long n = repetitions(20000);

	if (!state)
		return NULL;
	state->seed = (uintptr_t)argument;
	while (n--)
		one_request(state);
	free(state);
	return NULL;
}

/* Wild buffers may hit the program itself; whatever it dies of is its own affair. */
static int process(void *argument)
{
	pthread_t threads[THREADS];
	unsigned int seed = *(unsigned int *)argument;

	alarm(300);
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_create(&threads[i], NULL, request_all_the_time,
			       (void *)(uintptr_t)(seed * 16 + i));
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();

		if (!pid) {
			struct state *state = calloc(1, sizeof(*state));

			state->seed = seed + i;
			for (int j = 0; j < 50; j++)
				one_request(state);
			_exit(0);
		}
		if (pid > 0)
			waitpid(pid, NULL, 0);
	}
	for (unsigned int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

static void survives(void)
{
	pid_t pids[PROCESSES];
	unsigned int seeds[PROCESSES];

	for (unsigned int i = 0; i < OBJECTS; i++)
		objects[i].fd = i % 2 ? new_user() : new_table(TRAMPFD_MAX_SLOTS);
	for (unsigned int i = 0; i < PROCESSES; i++) {
		seeds[i] = 1000 * (i + 1);
		pids[i] = start_child(process, &seeds[i]);
	}
	for (unsigned int i = 0; i < PROCESSES; i++)
		CHECK(end_of_child(pids[i]) != -SIGALRM);
	for (unsigned int i = 0; i < OBJECTS; i++)
		close(objects[i].fd);
	check_module_works();
}

int main(void)
{
	const struct test tests[] = { TEST(survives) };

	return run_tests(tests, ARRAY_SIZE(tests));
}
