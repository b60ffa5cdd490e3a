// SPDX-License-Identifier: GPL-2.0-only
/* Rings of io_uring, without liburing. */
#define _GNU_SOURCE
#include "ring.h"
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum {
	ENTRIES = 8,
	IDLE_MS = 60000,     /* how long SQPOLL looks by itself; longer than any test */
	PATIENCE_MS = 30000, /* for one request */
};

unsigned int *ring_word(const struct ring *ring, unsigned int offset)
{
	return (unsigned int *)(ring->memory + offset);
}

bool ring_open(struct ring *ring, unsigned int flags)
{
	struct io_uring_params *params = &ring->params;
	size_t submissions, completions;

	*ring = (struct ring){ .params = { .flags = flags } };
	if (flags & IORING_SETUP_SQPOLL)
		params->sq_thread_idle = IDLE_MS;
	ring->fd = syscall(SYS_io_uring_setup, ENTRIES, params);
	if (ring->fd < 0)
		return false;
	submissions = params->sq_off.array + params->sq_entries * sizeof(unsigned int);
	completions = params->cq_off.cqes + params->cq_entries * sizeof(struct io_uring_cqe);
	ring->size = submissions > completions ? submissions : completions;
	ring->memory = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE,
			    ring->fd, IORING_OFF_SQ_RING);
	ring->sqes = mmap(NULL, params->sq_entries * sizeof(struct io_uring_sqe),
			  PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring->fd,
			  IORING_OFF_SQES);
	CHECK(params->features & IORING_FEAT_SINGLE_MMAP);
	return ring->memory != MAP_FAILED && ring->sqes != MAP_FAILED;
}

void ring_close(struct ring *ring)
{
	munmap(ring->sqes, ring->params.sq_entries * sizeof(struct io_uring_sqe));
	munmap(ring->memory, ring->size);
	close(ring->fd);
}

void ring_push(struct ring *ring, const struct io_uring_sqe *sqe)
{
	unsigned int *tail = ring_word(ring, ring->params.sq_off.tail);
	unsigned int i = *tail & *ring_word(ring, ring->params.sq_off.ring_mask);

	ring->sqes[i] = *sqe;
	ring_word(ring, ring->params.sq_off.array)[i] = i;
	__atomic_store_n(tail, *tail + 1, __ATOMIC_RELEASE);
}

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_nsec = ms * 1000000 }, NULL);
}

/* Takes what was completed; the result of the request called @user_data goes to *result. */
static bool ring_take(struct ring *ring, uint64_t user_data, int *result)
{
	unsigned int *head = ring_word(ring, ring->params.cq_off.head);
	unsigned int tail = __atomic_load_n(ring_word(ring, ring->params.cq_off.tail),
					    __ATOMIC_ACQUIRE);
	unsigned int mask = *ring_word(ring, ring->params.cq_off.ring_mask);
	const struct io_uring_cqe *cqes = (void *)(ring->memory + ring->params.cq_off.cqes);
	bool seen = false;

	for (; *head != tail; __atomic_store_n(head, *head + 1, __ATOMIC_RELEASE)) {
		if (cqes[*head & mask].user_data != user_data)
			continue;
		*result = cqes[*head & mask].res;
		seen = true;
	}
	return seen;
}

int ring_wait(struct ring *ring, uint64_t user_data)
{
	int result;

	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (ring_take(ring, user_data, &result))
			return result;
		pause_ms(1);
	}
	printf("# request %ld was never completed\n", (long)user_data);
	exit(EXIT_FAILURE);
}
