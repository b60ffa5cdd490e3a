/* SPDX-License-Identifier: GPL-2.0-only */
/* Rings of io_uring, without liburing. */
#ifndef RING_H
#define RING_H

#include <linux/io_uring.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ring {
	int fd;
	struct io_uring_params params;
	char *memory;
	size_t size;
	struct io_uring_sqe *sqes;
};

/* False with errno: the kernel makes none. */
bool ring_open(struct ring *ring, unsigned int flags);
void ring_close(struct ring *ring);
/* A word of the rings, at one of params.sq_off or params.cq_off. */
unsigned int *ring_word(const struct ring *ring, unsigned int offset);
/* Puts a request into the queue, by stores only. */
void ring_push(struct ring *ring, const struct io_uring_sqe *sqe);
/*
 * The result of the request called @user_data. A request that is lost ends the program: nothing
 * after it would tell anything.
 */
int ring_wait(struct ring *ring, uint64_t user_data);

#endif
